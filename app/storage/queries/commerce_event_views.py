"""Reads Commerce events into views: with their order, and in a list of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.orders import fixes
from app.domain.orders.fixes import FixAction
from app.storage.commerce import events as storage
from app.storage.orders.repository import OrderKey
from app.storage.postgres.database import Connection
from app.storage.postgres.query import Reader
from app.storage.postgres.sharding import ShardedQuery
from app.storage.queries import orders_by_id
from app.storage.queries.pagination import KeysetPage, cut
from app.storage.queries.views import CommerceEventView, FixView, StatusDetail
from app.storage.tables import commerce_events as table
from app.storage.tables import stores

_OTHERWISE = "Correct it in Commerce and save it again"
# How to resolve an event, by its code; docs/errors.md lists the codes.
SUGGESTIONS = {
    "tracking_number_required": "Add a tracking number to the shipment in Commerce",
    "tracking_url_required": "Map the carrier in the store's carriers, or set the store's "
    "default_tracking_url, and retry it",
    "reason_required": "Set the store's default_cancellation_reason and retry it",
    "unknown_line": "Link the item to its line (PATCH /v1/orders/{order_id})",
    "tracks_ambiguous": "Ship each package with POST /v1/orders/{order_id}/shipments",
    "track_not_sent": "Send the buyer the tracking number of the further package",
    "no_open_return": "Link the order's lines; it is refunded when the buyer's return is imported",
    "return_ambiguous": "Refund one of the returns with POST /v1/returns/{return_id}/refund",
    "creditmemo_online": "Make offline refunds",
    "invalid_quantity": "Correct the quantities in Commerce, or per_unit of the line's "
    "commerce_items, and retry it; or dismiss it",
    "creditmemo_amount_only": "Refund the amount in Seller Center, then dismiss it",
    "commerce_event_invalid": "Add the fields that docs/commerce.md lists to the hook or event",
    storage.NOT_TOLD: "Save the shipment in Commerce again",
    storage.NOT_LINKED: "Link its order (PATCH /v1/orders/{order_id})",
}

_OPEN = ShardedQuery(
    orders_by_id.of("commerce_events", "t.*, s.id AS store_uuid")
    + " JOIN stores s ON s.store_id = t.store_id WHERE t.state = ANY(:states::text[]) ORDER BY t.id"
)


@dataclass(frozen=True, slots=True)
class CommerceEventFilter:
    """A filter of events. None filters nothing."""

    store_id: int | None = None
    order_id: UUID | None = None
    state: str | None = None


async def commerce_events(
    connection: Connection, wanted: CommerceEventFilter, page: KeysetPage
) -> tuple[list[CommerceEventView], tuple[Any, ...] | None]:
    """A page of events, the newest first."""
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.store_id is not None:
        conditions.append(table.c.store_id == wanted.store_id)
    if wanted.order_id is not None:
        conditions.append(table.c.order_id == wanted.order_id)
    if wanted.state is not None:
        # In the words of the partial index of open events.
        conditions += [table.c.state == wanted.state, table.c.state.in_(storage.OPEN)]
    if page.after is not None:
        at, identifier = page.after
        del at
        conditions.append(table.c.id < UUID(identifier))
    statement = _select().where(*conditions).order_by(table.c.id.desc()).limit(page.limit + 1)
    rows = (await connection.execute(statement)).mappings().all()
    shown, more = cut(rows, page.limit)
    found = [_view(row) for row in shown]
    last = found[-1] if more else None
    return found, (last.received_at.isoformat(), str(last.id)) if last else None


async def commerce_event(
    connection: Connection, store_id: int, event_id: UUID
) -> CommerceEventView | None:
    """One event."""
    statement = _select().where(table.c.store_id == store_id, table.c.id == event_id)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return _view(row) if row else None


async def details(reader: Reader, keys: Sequence[OrderKey]) -> dict[UUID, list[StatusDetail]]:
    """The open events of some orders, oldest first."""
    found: dict[UUID, list[StatusDetail]] = {}
    if keys:
        for row in await orders_by_id.rows(_OPEN, reader, keys, {"states": list(storage.OPEN)}):
            found.setdefault(row["order_id"], []).append(_detail(row))
    return found


def _select() -> sa.Select[Any]:
    return sa.select(table, stores.c.id.label("store_uuid")).select_from(
        table.join(stores, stores.c.store_id == table.c.store_id)
    )


def _view(row: Mapping[Any, Any]) -> CommerceEventView:
    return CommerceEventView(
        id=row["id"],
        store_id=row["store_uuid"],
        order_id=row["order_id"],
        commerce_order_id=row["commerce_order_id"],
        reference=row["reference"],
        about=row["about"],
        state=row["state"],
        status_detail=_detail(row) if row["state"] in storage.OPEN else None,
        note=row["note"],
        dismissed_by=row["dismissed_by"],
        received_at=row["received_at"],
        updated_at=row["updated_at"],
    )


def _detail(row: Mapping[Any, Any]) -> StatusDetail:
    url = f"/v1/commerce-events/{row['id']}"
    fix = fixes.of_event(row["code"]) if row["state"] == storage.REFUSED else None
    links = {"event": url}
    if row["order_id"] is not None:
        links["order"] = f"/v1/orders/{row['order_id']}"
    if fix is not None:
        links["fix"] = {
            FixAction.RETRY_EVENT: f"{url}/retry",
            FixAction.DISMISS_EVENT: f"{url}/dismiss",
        }.get(fix.action, f"/v1/stores/{row['store_uuid']}")
    todo = SUGGESTIONS.get(row["code"], _OTHERWISE)
    return StatusDetail(
        code=row["code"],
        origin="commerce",
        operation=row["about"],
        update_id=None,
        message=row["message"],
        field=None,
        suggestion=f"{todo}; or POST {url}/retry, or {url}/dismiss if it is resolved.",
        retryable=True,
        occurred_at=row["updated_at"],
        params={"reference": row["reference"], "about": row["about"]},
        fix=FixView.of(fix),
        links=links,
    )
