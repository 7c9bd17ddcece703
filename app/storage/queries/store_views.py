"""Reads stores into views, without their secrets."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from app.domain.notification_kind import NotificationKind
from app.domain.orders import fixes
from app.storage.postgres.database import Connection
from app.storage.queries import lane_views, update_views
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import (
    CommerceView,
    FixView,
    NotificationsView,
    StatusDetail,
    StoreView,
    WalmartView,
)
from app.storage.tables import notification_queues as queues
from app.storage.tables import stores as table

_SUGGESTION = "Correct notifications.url with PATCH /v1/stores/{store_id}."
_REPLAY = " Then `waybill notifications replay` sends them."


async def _notification_failures(
    connection: Connection, stores: Mapping[int, UUID]
) -> dict[int, list[StatusDetail]]:
    """Notification failures of some stores; a store without one is left out.

    stores: the ids of the stores by their numbers.
    """
    statement = sa.select(queues).where(
        queues.c.store_id.in_(sorted(stores)),
        sa.or_(queues.c.tries > 0, queues.c.given_up > 0),
    )
    found: dict[int, list[StatusDetail]] = {}
    for row in await connection.execute(statement):
        details = found.setdefault(row.store_id, [])
        if row.tries:
            message = f"Notifications fail: {row.last_error} Waybill retries them."
            details.append(_detail("notifications_failing", message, row, stores))
        if row.given_up:
            message = f"{row.given_up} notifications were not sent: {row.last_error}"
            details.append(_detail("notifications_given_up", message, row, stores))
    return found


def _detail(code: str, message: str, row: Row[Any], stores: Mapping[int, UUID]) -> StatusDetail:
    at: datetime = row.failing_since if code == "notifications_failing" else row.due_at
    links = update_views.store_links(stores[row.store_id])
    return StatusDetail(
        code=code,
        origin="waybill",
        operation="notifications",
        update_id=None,
        message=message,
        field="notifications.url",
        suggestion=_SUGGESTION + (_REPLAY if code == "notifications_given_up" else ""),
        retryable=True,
        occurred_at=at,
        params={"said": row.last_error, "count": row.given_up},
        fix=FixView.of(fixes.of_store(code)),
        links={"store": links["change_store"], "fix": links["change_store"]},
    )


_COLUMNS = [
    table.c.id,
    table.c.store_id,
    table.c.code,
    table.c.name,
    table.c.market,
    table.c.walmart_client_id,
    table.c.webhooks_since,
    table.c.commerce_base_url,
    table.c.commerce_access_token.is_not(None).label("commerce_access_token_set"),
    table.c.commerce_push_orders,
    table.c.commerce_payment_method,
    table.c.commerce_stock_id,
    table.c.commerce_webhook_public_keys,
    table.c.commerce_io_client_ids,
    table.c.carriers,
    table.c.default_cancellation_reason,
    table.c.default_tracking_url,
    table.c.admin_order_url,
    table.c.time_zone,
    table.c.charge_amount_is,
    table.c.notify_host,
    table.c.notify_kinds,
    sa.case(
        (table.c.notify_old_secret_until > sa.func.now(), table.c.notify_old_secret_until)
    ).label("notify_old_secret_until"),
    table.c.created_at,
    table.c.updated_at,
]


async def store(connection: Connection, identifier: UUID) -> StoreView | None:
    """One store by its id."""
    rows = await connection.execute(sa.select(*_COLUMNS).where(table.c.id == identifier))
    found = await _views(connection, rows.mappings().all())
    return found[0] if found else None


async def stores(
    connection: Connection, only: int | None, page: KeysetPage
) -> tuple[list[StoreView], After | None]:
    """A page of stores, oldest first. only: the number of the one store to list."""
    statement = sa.select(*_COLUMNS).order_by(table.c.store_id).limit(page.limit + 1)
    if only is not None:
        statement = statement.where(table.c.store_id == only)
    if page.after is not None:
        statement = statement.where(table.c.store_id > int(page.after[0]))
    found: Sequence[Any] = (await connection.execute(statement)).mappings().all()
    rows, more = cut(found, page.limit)
    views = await _views(connection, rows)
    return views, (views[-1].store_id,) if more else None


async def _views(connection: Connection, rows: Sequence[Any]) -> list[StoreView]:
    store_ids = [row["store_id"] for row in rows]
    stopped = await lane_views.stops(connection, store_ids)
    by_number = {row["store_id"]: row["id"] for row in rows}
    failures = await _notification_failures(connection, by_number)
    return [
        _view(
            row,
            (
                *(
                    stop.detail(stop.endpoint.value, row["id"])
                    for stop in stopped.get(row["store_id"], [])
                ),
                *failures.get(row["store_id"], []),
            ),
        )
        for row in rows
    ]


def _view(row: Any, details: tuple[StatusDetail, ...]) -> StoreView:  # noqa: ANN401 - a row
    return StoreView(
        store_id=row["store_id"],
        id=row["id"],
        name=row["name"],
        code=row["code"],
        market=row["market"],
        walmart=WalmartView(row["walmart_client_id"], True, row["webhooks_since"]),  # noqa: FBT003 - always set
        commerce=CommerceView(
            base_url=row["commerce_base_url"],
            access_token_set=row["commerce_access_token_set"],
            push_orders=row["commerce_push_orders"],
            payment_method=row["commerce_payment_method"],
            stock_id=row["commerce_stock_id"],
            webhook_public_keys=tuple(row["commerce_webhook_public_keys"]),
            io_client_ids=tuple(row["commerce_io_client_ids"]),
        ),
        carriers=row["carriers"],
        default_cancellation_reason=row["default_cancellation_reason"],
        default_tracking_url=row["default_tracking_url"],
        admin_order_url=row["admin_order_url"],
        time_zone=row["time_zone"],
        charge_amount_is=row["charge_amount_is"],
        notifications=_notifications(row),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        status_details=details,
    )


def _notifications(row: Any) -> NotificationsView | None:  # noqa: ANN401 - a row
    if row["notify_host"] is None:
        return None
    # A kind of a later version, after a rollback, is left out.
    kinds = tuple(kind for kind in NotificationKind if kind.value in row["notify_kinds"])
    return NotificationsView(
        host=row["notify_host"],
        secret_set=True,
        kinds=kinds,
        old_secret_until=row["notify_old_secret_until"],
    )
