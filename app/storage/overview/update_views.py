"""Updates as people see them, with the tries that were made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.orders.update import DUE, Kind, State
from app.storage.database import Connection
from app.storage.overview import across, places
from app.storage.overview.paging import After, Page, cut
from app.storage.overview.places import Place
from app.storage.tables import archived_updates, stores
from app.storage.tables import attempts as attempts_table
from app.storage.tables import updates as table
from app.storage.views import AttemptView, CallView, StatusDetail, UpdateView

_AT_REST = (State.CONFIRMED.value, State.DISMISSED.value)
_COMMON_KINDS = (Kind.SHIPMENT.value, Kind.ACKNOWLEDGEMENT.value)
_COLUMNS = [
    table.c.id,
    stores.c.id.label("store_uuid"),
    table.c.order_id,
    table.c.target,
    table.c.subject,
    table.c.kind,
    table.c.state,
    table.c.sequence,
    table.c.attempts,
    table.c.due_at,
    table.c.ambiguous,
    table.c.last_error,
    table.c.note,
    table.c.dismissed_by,
    table.c.requested_by,
    table.c.created_at,
    table.c.updated_at,
    table.c.finished_at,
]
_FROM = table.join(stores, stores.c.store_id == table.c.store_id)
# The same of what is archived: never due, and without an error.
_ARCHIVED_COLUMNS = [
    {
        "store_uuid": stores.c.id.label("store_uuid"),
        "due_at": archived_updates.c.finished_at.label("due_at"),
        "last_error": sa.null().label("last_error"),
    }.get(column.name, archived_updates.c.get(column.name))
    for column in _COLUMNS
]
_ARCHIVED_FROM = archived_updates.join(stores, stores.c.store_id == archived_updates.c.store_id)
_BOTH = (
    (_COLUMNS, _FROM, table),
    (_ARCHIVED_COLUMNS, _ARCHIVED_FROM, archived_updates),
)


@dataclass(frozen=True, slots=True)
class UpdateFilter:
    """Which updates to list; None filters nothing."""

    state: str | None = None
    kind: str | None = None
    store_id: int | None = None
    order_id: UUID | None = None
    # Of the last error.
    code: str | None = None


async def update(connection: Connection, store_id: int, update_id: UUID) -> UpdateView | None:
    """One update, archived or not."""
    live, archived = (
        sa.select(*columns).select_from(rows).where(of.c.store_id == store_id, of.c.id == update_id)
        for columns, rows, of in _BOTH
    )
    row = (await connection.execute(live.union_all(archived))).mappings().one_or_none()
    return view(row) if row else None


async def updates(
    connection: Connection, wanted: UpdateFilter, page: Page
) -> tuple[list[UpdateView], After | None]:
    """Updates, the newest first; archived ones are not among them."""
    conditions = _conditions(wanted)
    if page.after is not None:
        at, identifier = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
        conditions.append(sa.tuple_(table.c.created_at, table.c.id) < (at, identifier))
    limit = page.limit + 1
    if wanted.store_id is None:
        first = await across.first(
            connection, table.c.created_at, conditions, descending=True, limit=limit
        )
        conditions = [places.among(table, first)]
    order = across.ordered(table.c.created_at, table.c.id, descending=True)
    statement = sa.select(*_COLUMNS).select_from(_FROM).where(*conditions).order_by(*order)
    found: Sequence[Any] = (await connection.execute(statement.limit(limit))).mappings().all()
    rows, more = cut(found, page.limit)
    views = [view(row) for row in rows]
    return views, (views[-1].created_at.isoformat(), str(views[-1].id)) if more else None


def _conditions(wanted: UpdateFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.store_id is not None:
        conditions.append(table.c.store_id == wanted.store_id)
    if wanted.order_id is not None:
        conditions.append(table.c.order_id == wanted.order_id)
    if wanted.kind is not None:
        conditions.append(table.c.kind == wanted.kind)
        if wanted.kind not in _COMMON_KINDS:
            # The words of a partial index, without which it is not used; so below.
            conditions.append(sa.text("kind NOT IN ('shipment', 'acknowledgement')"))  # type: ignore[arg-type]
    if wanted.code is not None:
        # In the words of the index: a key that is a parameter would fit none.
        conditions.append(sa.literal_column("(last_error ->> 'code')") == wanted.code)
        conditions.append(table.c.last_error.is_not(None))
    if wanted.state is not None:
        conditions.append(table.c.state == wanted.state)
        if wanted.state not in _AT_REST:
            conditions.append(sa.text("state NOT IN ('confirmed', 'dismissed')"))  # type: ignore[arg-type]
    return conditions


async def of_orders(connection: Connection, asked: Sequence[Place]) -> dict[UUID, list[UpdateView]]:
    """Every update of some orders, archived or not, each order's in its own sequence."""
    live, archived = (
        sa.select(*columns).select_from(rows.join(*places.of(asked, of)))
        for columns, rows, of in _BOTH
    )
    statement = live.union_all(archived).order_by("order_id", "sequence")
    found: dict[UUID, list[UpdateView]] = {order_id: [] for _, order_id in asked}
    for row in (await connection.execute(statement)).mappings():
        found[row["order_id"]].append(view(row))
    return found


async def attempts(connection: Connection, store_id: int, update_id: UUID) -> list[AttemptView]:
    """The tries of an update, oldest first."""
    statement = (
        sa.select(attempts_table)
        .where(attempts_table.c.store_id == store_id, attempts_table.c.update_id == update_id)
        .order_by(attempts_table.c.number, attempts_table.c.id)
    )
    return [_attempt(row) for row in (await connection.execute(statement)).mappings()]


def view(row: sa.RowMapping) -> UpdateView:
    """An update out of a row of this module's columns."""
    state = State(row["state"])
    return UpdateView(
        id=row["id"],
        store_id=row["store_uuid"],
        order_id=row["order_id"],
        target=row["target"],
        subject=row["subject"],
        kind=row["kind"],
        state=row["state"],
        sequence=row["sequence"],
        attempts=row["attempts"],
        next_attempt_at=row["due_at"] if state in DUE else None,
        needs_reading=row["ambiguous"],
        status_detail=None if state.value in _AT_REST else detail(row),
        note=row["note"],
        dismissed_by=row["dismissed_by"],
        requested_by=row["requested_by"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        finished_at=row["finished_at"],
    )


def detail(row: sa.RowMapping) -> StatusDetail | None:
    """Why an update is not where it should be, if anything is known."""
    error = row["last_error"]
    if not error:
        return None
    occurred = error.get("occurred_at")
    return StatusDetail(
        code=error["code"],
        origin=error["origin"],
        operation=row["kind"],
        update_id=row["id"],
        message=error["message"],
        field=error["field"],
        suggestion=error["suggestion"],
        retryable=error["retryable"],
        occurred_at=datetime.fromisoformat(occurred) if occurred else row["updated_at"],
    )


def import_detail(error: Mapping[str, Any]) -> StatusDetail:
    """Why nothing but the number of an order or a return is known."""
    return StatusDetail(
        code=error["code"],
        origin="walmart",
        operation="import",
        update_id=None,
        message=error["message"],
        field=None,
        suggestion=error["suggestion"],
        retryable=True,
        occurred_at=datetime.fromisoformat(error["occurred_at"]),
    )


def _attempt(row: sa.RowMapping) -> AttemptView:
    return AttemptView(
        id=row["id"],
        number=row["number"],
        poller=row["poller"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        verdict=row["verdict"],
        detail=row["detail"],
        calls=[_call(call) for call in row["calls"]],
    )


def _call(call: Mapping[str, Any]) -> CallView:
    times = {name: datetime.fromisoformat(call[name]) for name in ("started_at", "ended_at")}
    return CallView(**{**call, **times})
