"""Reads updates and their attempts into views."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.orders import fixes
from app.domain.orders.fixes import Fix, FixAction
from app.domain.update import AT_REST, DUE, State
from app.storage.orders.repository import OrderKey
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery
from app.storage.postgres.sql import Statement
from app.storage.queries import index_scan, orders_by_id
from app.storage.queries.index_scan import KeyRange
from app.storage.queries.index_scan_sql import IndexScan
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import (
    AttemptView,
    CallView,
    FixView,
    StatusDetail,
    UpdateView,
    UpdateWithAttemptsView,
)

_STATES = tuple(map(str, State))
_OWN = """t.store_id, t.id, t.order_id, t.target, t.subject, t.kind, t.state, t.sequence,
    t.attempts, t.ambiguous, t.note, t.dismissed_by, t.requested_by, t.request_id, t.traceparent,
    t.created_at, t.updated_at, t.finished_at, t.payload ->> 'shipment_update_id' AS corrects"""
_ROWS = f"{_OWN}, t.in_doubt_until, t.due_at, t.last_error, s.id AS store_uuid"
# The same columns of an archived update, which is never due and has no error.
_ARCHIVED = (
    f"{_OWN}, NULL::timestamptz AS in_doubt_until, t.finished_at AS due_at, "
    "NULL::jsonb AS last_error, s.id AS store_uuid"
)
_STORE = " JOIN stores s ON s.store_id = t.store_id"
_UPDATE = sql.load("queries/read_update.sql", rows=_ROWS, archived=_ARCHIVED)
_OF_ORDERS = ShardedQuery(
    f"{orders_by_id.of('updates', _ROWS)}{_STORE} UNION ALL "
    f"{orders_by_id.of('archived_updates', _ARCHIVED)}{_STORE} ORDER BY order_id, sequence"
)
_OF_ORDER = sql.load("queries/list_updates_of_order.sql", rows=_ROWS)
_ATTEMPTS = Statement("""
    SELECT * FROM attempts WHERE store_id = :store_id AND update_id = :update_id ORDER BY number, id
""")

_STATE, _KIND = ("t.state", "text"), ("t.kind", "text")
_NEWEST = IndexScan("updates", (), "t.created_at", _ROWS)
OF_STATE = replace(_NEWEST, prefix=(_STATE, _KIND))
_FAILED = replace(_NEWEST, where="t.state = 'failed'")
# In the words of the index, which a key given as a parameter would not match.
OF_CODE = replace(
    _NEWEST,
    prefix=(("(t.last_error ->> 'code')", "text"), _STATE, _KIND),
    where="t.last_error IS NOT NULL",
)


@dataclass(frozen=True, slots=True)
class UpdateFilter:
    """A filter of updates. None filters nothing."""

    state: str | None = None
    kind: str | None = None
    store_id: int | None = None
    order_id: UUID | None = None
    code: str | None = None
    """The code of the last error."""


async def update(reader: Reader, store_id: int, update_id: UUID) -> UpdateView | None:
    """One update, archived or not."""
    rows = await _UPDATE.fetch(reader, {"store_id": store_id, "id": update_id})
    return view(rows[0]) if rows else None


async def updates(
    reader: Reader, wanted: UpdateFilter, page: KeysetPage
) -> tuple[list[UpdateView], After | None]:
    """A page of updates, the newest first, without archived ones."""
    behind = None
    if page.after is not None:
        behind = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
    read = _listed if wanted.order_id is None else _of_order
    rows, more = cut(await read(reader, wanted, behind, page.limit + 1), page.limit)
    views = [view(row) for row in rows]
    return views, (views[-1].created_at.isoformat(), str(views[-1].id)) if more else None


async def _of_order(
    reader: Reader, wanted: UpdateFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    after, after_id = behind or (None, None)
    page = {"after": after, "after_id": after_id, "limit": limit}
    return await _OF_ORDER.fetch(reader, asdict(wanted) | page)


async def _listed(
    reader: Reader, wanted: UpdateFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    values = _values(wanted)
    scan = _NEWEST if not values else OF_STATE
    if wanted.state == State.FAILED and wanted.kind is None and wanted.code is None:
        # This reads one group of the index for each store, not one for each kind.
        scan, values = _FAILED, ()
    if wanted.code is not None:
        scan, values = OF_CODE, ((wanted.code,), *values)
    return await index_scan.page(reader, scan, KeyRange(limit, wanted.store_id, values, behind))


def _values(wanted: UpdateFilter) -> tuple[tuple[str, ...], ...]:
    """The wanted states and kinds; without a wanted kind, kinds are left open."""
    states = _STATES if wanted.state is None else (wanted.state,)
    if wanted.kind is not None:
        return states, (wanted.kind,)
    return () if wanted.state is None else (states,)


async def of_orders(reader: Reader, keys: Sequence[OrderKey]) -> dict[UUID, list[UpdateView]]:
    """Every update of some orders, archived or not, in the order's own sequence."""
    found: dict[UUID, list[UpdateView]] = {order_id: [] for _, order_id in keys}
    for row in await orders_by_id.rows(_OF_ORDERS, reader, keys):
        found[row["order_id"]].append(view(row))
    return found


async def update_with_attempts(
    reader: Reader, store_id: int, update_id: UUID
) -> UpdateWithAttemptsView | None:
    """One update, archived or not, with its attempts."""
    found = await update(reader, store_id, update_id)
    if found is None:
        return None
    values = {field.name: getattr(found, field.name) for field in fields(found)}
    made = await attempts(reader, store_id, update_id)
    return UpdateWithAttemptsView(**values, attempts=tuple(made))


async def attempts(reader: Reader, store_id: int, update_id: UUID) -> list[AttemptView]:
    """The attempts of an update, oldest first."""
    key = {"store_id": store_id, "update_id": update_id}
    return [attempt_view(row) for row in await _ATTEMPTS.fetch(reader, key)]


def view(row: Row) -> UpdateView:
    """The view of a row of this module's columns."""
    state = row["state"]
    return UpdateView(
        id=row["id"],
        store_id=row["store_uuid"],
        order_id=row["order_id"],
        target=row["target"],
        subject=row["subject"],
        kind=row["kind"],
        corrects=UUID(row["corrects"]) if row["corrects"] else None,
        state=state,
        sequence=row["sequence"],
        attempts_made=row["attempts"],
        next_attempt_at=row["due_at"] if state in DUE else None,
        needs_reading=row["ambiguous"],
        in_doubt_until=row["in_doubt_until"],
        status_detail=None if state in AT_REST else detail(row),
        line_details=() if state in AT_REST else _line_details(row),
        note=row["note"],
        dismissed_by=row["dismissed_by"],
        requested_by=row["requested_by"],
        request_id=row["request_id"],
        traceparent=row["traceparent"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        finished_at=row["finished_at"],
    )


def detail(row: Row) -> StatusDetail | None:
    """The last error of an update. None means that it has none."""
    error = row["last_error"]
    if not error:
        return None
    occurred = error.get("occurred_at")
    params = dict(error.get("params") or {})
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
        params=params,
        **_fix(row, error["code"], params),
    )


def _fix(row: Row, code: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The fields fix and links of an update's detail."""
    fix = fixes.of_update(code, row["kind"], row["state"], params)
    own = f"/v1/updates/{row['id']}"
    links = {"update": own}
    if row["order_id"] is not None:
        links["order"] = f"/v1/orders/{row['order_id']}"
    if fix is not None:
        links["fix"] = store_links(row["store_uuid"]).get(fix.action, f"{own}/fix")
    return {"fix": FixView.of(fix), "links": links}


def store_links(store_id: UUID) -> dict[str, str]:
    """Where the fixes of a store are applied, by action."""
    own = f"/v1/stores/{store_id}"
    return {FixAction.CHANGE_STORE: own, FixAction.VERIFY_STORE: f"{own}/verify"}


def _line_details(row: Row) -> tuple[StatusDetail, ...]:
    """One detail for each line that could not be sent while others of the update could."""
    whole = detail(row)
    lines = (row["last_error"] or {}).get("lines") or ()
    if whole is None:
        return ()
    return tuple(replace(whole, **line, **_fix(row, line["code"], whole.params)) for line in lines)


def import_detail(
    error: Mapping[str, Any], fix: Fix | None = None, links: Mapping[str, str] | None = None
) -> StatusDetail:
    """Why an order or a return could not be read, so that only its number is known."""
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
        fix=FixView.of(fix),
        links=dict(links or {}),
    )


def attempt_view(row: Row) -> AttemptView:
    """The view of a row of the table attempts."""
    return AttemptView(
        id=row["id"],
        number=row["number"],
        poller=row["poller"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        verdict=row["verdict"],
        detail=row["detail"],
        calls=tuple(_call(call) for call in row["calls"]),
        request_id=row["request_id"],
        traceparent=row["traceparent"],
    )


def _call(call: Mapping[str, Any]) -> CallView:
    times = {name: datetime.fromisoformat(call[name]) for name in ("started_at", "ended_at")}
    return CallView(**{**call, **times, "codes": tuple(call["codes"])})
