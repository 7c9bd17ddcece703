"""Returns as people see them, each with its refunds and what went wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain.orders import returns as rules
from app.storage.postgres.query import Reader, fetch
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery, of_any, of_one
from app.storage.queries import index_scan, order_search, orders_by_id, update_views
from app.storage.queries.index_scan import KeyRange
from app.storage.queries.index_scan_sql import IndexScan
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import (
    RefundView,
    ReturnedOrder,
    ReturnView,
    StatusDetail,
    UpdateView,
)
from app.storage.returns import refunds as asked_for
from app.storage.returns import returns as storage
from app.storage.returns.returns import StoredReturn

STATUSES = (rules.RECEIVED, rules.REFUNDED, rules.ERROR, rules.CLOSED)
# Stands for the date that nobody knows; no return is as old.
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
# In the words of the index (tables/return_tables.py), without which it is not used.
_AT = "coalesce(t.requested_at, '0001-01-01 00:00:00+00'::timestamptz)"
# A question of its own for each return, which PostgreSQL cannot turn into reading all refunds.
_FAILED = """(
    SELECT true FROM refunds f JOIN updates u ON u.store_id = f.store_id AND u.id = f.update_id
     WHERE f.store_id = t.store_id AND f.return_id = t.id AND u.state = 'failed' LIMIT 1)"""
# Whoever refunded it: what is refunded is no error any more.
_STATUS = f"""CASE WHEN t.refunded THEN 'refunded'
         WHEN t.import_error IS NOT NULL OR {_FAILED} THEN 'error'
         WHEN t.closed THEN 'closed' ELSE 'received' END"""
_ROWS = f"t.*, {_STATUS} AS status, s.id AS store_uuid"
_STORE = " JOIN stores s ON s.store_id = t.store_id"
_RETURN = f"SELECT {_ROWS} FROM returns t{_STORE} WHERE t.store_id = $1 AND t.id = $2"  # noqa: S608
_REFUNDS = ShardedQuery("""
    SELECT f.* FROM unnest($1::int[], $2::uuid[]) AS q(store_id, return_id)
     CROSS JOIN LATERAL (SELECT f.* FROM refunds f WHERE f.store_id = <q.store_id>
                            AND f.return_id = q.return_id OFFSET 0) f ORDER BY f.number
""")
_ORDERS = ShardedQuery("""
    SELECT o.store_id, o.purchase_order_id, o.id, o.commerce_order_number, o.commerce_order_id
      FROM unnest($1::int[], $2::text[]) AS q(store_id, number)
     CROSS JOIN LATERAL (SELECT o.* FROM orders o WHERE o.store_id = <q.store_id>
                            AND o.purchase_order_id = q.number OFFSET 0) o
""")
_SUMMARY = f"""
    SELECT {_STATUS} AS status, count(*) AS returns FROM returns t
     WHERE $1::int IS NULL OR t.store_id = $1 GROUP BY 1
"""  # noqa: S608 - words of this module

_NEWEST = IndexScan("returns", (("t.refunded", "boolean"),), _AT, _ROWS)
# Not "IS NULL", of which PostgreSQL would expect so few that it sorted all that are not refunded.
_READ = f"t.import_error IS NULL AND {_FAILED} IS NOT TRUE"
_RECEIVED = replace(_NEWEST, where=f"NOT t.closed AND {_READ}")
_CLOSED = replace(_NEWEST, where=f"t.closed AND {_READ}")
# All of the order's are looked at, and there are few.
_OF_ORDER = f"""
    SELECT r.* FROM orders t JOIN returns r ON r.store_id = t.store_id
       AND r.id IN ({of_one(orders_by_id.RETURNS_OF_ORDER, "$1")})
     WHERE t.store_id = $1 AND t.id = $2
"""  # noqa: S608 - words of this package's modules
# So are those that a search found.
_SOUGHT = f"""
    SELECT r.* FROM unnest($7::int[], $8::uuid[]) AS q(store_id, id)
      JOIN returns r ON r.store_id = q.store_id AND r.id = q.id
     WHERE ($1::int IS NULL OR r.store_id = $1)
       AND ($2::uuid IS NULL OR EXISTS (SELECT FROM orders t
             WHERE t.store_id = r.store_id AND t.id = $2
               AND r.id IN ({of_any(orders_by_id.RETURNS_OF_ORDER)})))
"""  # noqa: S608 - as above
# From the refunds that failed and wait for a person: returns in order would be read until enough
# of them are found.
_IN_ERROR = """
    SELECT t.* FROM (
      SELECT DISTINCT f.store_id, f.return_id FROM stores s
       CROSS JOIN LATERAL (SELECT u.store_id, u.id FROM updates u WHERE u.store_id = s.store_id
                              AND u.state = 'failed' AND u.kind = 'refund' OFFSET 0) u
       CROSS JOIN LATERAL (SELECT f.store_id, f.return_id FROM refunds f
                            WHERE f.store_id = u.store_id AND f.update_id = u.id OFFSET 0) f
       WHERE ($1::int IS NULL OR s.store_id = $1) AND $2::uuid IS NULL
       UNION
       SELECT r.store_id, r.id FROM returns r
        WHERE r.import_error IS NOT NULL AND ($1::int IS NULL OR r.store_id = $1)) q
     CROSS JOIN LATERAL (SELECT t.* FROM returns t
                          WHERE t.store_id = q.store_id AND t.id = q.return_id OFFSET 0) t
"""
_FEW = f"""
    WITH few AS MATERIALIZED ({{few}})
    SELECT {_ROWS} FROM few t{_STORE}
     WHERE ($3::text IS NULL OR {_STATUS} = $3)
       AND ($4::timestamptz IS NULL OR ({_AT}, t.id) < ($4, $5::uuid))
     ORDER BY {_AT} DESC, t.id DESC LIMIT $6::int
"""  # noqa: S608 - words of this module


@dataclass(frozen=True, slots=True)
class ReturnFilter:
    """Which returns to list; None filters nothing."""

    store_id: int | None = None
    order_id: UUID | None = None
    status: str | None = None
    q: str | None = None


async def return_(reader: Reader, store_id: int, return_id: UUID) -> ReturnView | None:
    """One return."""
    found = await _views(reader, await fetch(reader, _RETURN, store_id, return_id))
    return found[0] if found else None


async def returns(
    reader: Reader, wanted: ReturnFilter, page: KeysetPage
) -> tuple[list[ReturnView], After | None]:
    """A page of returns, the newest first. Raises Invalid search_too_broad."""
    behind = None
    if page.after is not None:
        behind = datetime.fromisoformat(page.after[0]), UUID(page.after[1])
    few = wanted.order_id or wanted.q is not None or wanted.status == rules.ERROR
    read = _few if few else _listed
    shown, more = cut(await read(reader, wanted, behind, page.limit + 1), page.limit)
    views = await _views(reader, shown)
    if not more:
        return views, None
    last = views[-1]
    return views, ((last.returned.requested_at or _NEVER).isoformat(), str(last.id))


async def _few(
    reader: Reader, wanted: ReturnFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    values = (wanted.store_id, wanted.order_id, wanted.status, *(behind or (None, None)), limit)
    if wanted.q is not None:
        found = await order_search.find_returns(reader, wanted.q, wanted.store_id)
        named = [store_id for store_id, _ in found], [return_id for _, return_id in found]
        return await fetch(reader, _FEW.format(few=_SOUGHT), *values, *named)
    text = _FEW.format(few=_IN_ERROR if wanted.order_id is None else _OF_ORDER)
    return await fetch(reader, text, *values)


async def _listed(
    reader: Reader, wanted: ReturnFilter, behind: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row]:
    walk = {rules.RECEIVED: _RECEIVED, rules.CLOSED: _CLOSED}.get(wanted.status or "", _NEWEST)
    refunded = {None: (True, False), rules.REFUNDED: (True,)}.get(wanted.status, (False,))
    return await index_scan.page(
        reader, walk, KeyRange(limit, wanted.store_id, (refunded,), behind)
    )


async def summary(reader: Reader, store_id: int | None) -> dict[str, int]:
    """How many returns are in each status, of one store or of all, and in total."""
    rows = await fetch(reader, _SUMMARY, store_id)
    counted = {row["status"]: row["returns"] for row in rows}
    counts = {status: counted.get(status, 0) for status in STATUSES}
    return counts | {"total": sum(counts.values())}


async def _views(reader: Reader, rows: Sequence[Row]) -> list[ReturnView]:
    made = await _refunds(reader, rows)
    shown = [storage.known_of(row) for row in rows]
    known = await _orders(reader, shown)
    return [
        _view(row, each, made.get(each.id, []), known)
        for row, each in zip(rows, shown, strict=True)
    ]


async def _orders(
    reader: Reader, shown: Sequence[StoredReturn]
) -> dict[tuple[int, str], ReturnedOrder]:
    """The orders that returns are of, by store and purchase order."""
    wanted = sorted({(each.store_id, n) for each in shown for n in each.returned.purchase_orders})
    if not wanted:
        return {}
    stores = [store for store, _ in wanted]
    rows = await _ORDERS.fetch(reader, stores, stores, [number for _, number in wanted])
    names = ("purchase_order_id", "id", "commerce_order_number", "commerce_order_id")
    return {
        (row["store_id"], row["purchase_order_id"]): ReturnedOrder(*(row[name] for name in names))
        for row in rows
    }


async def _refunds(reader: Reader, rows: Sequence[Row]) -> dict[UUID, list[RefundView]]:
    if not rows:
        return {}
    of = [(row["store_id"], row["id"]) for row in rows]
    asked = await orders_by_id.rows(_REFUNDS, reader, of)
    by_order = await update_views.of_orders(
        reader, sorted({(row["store_id"], row["order_id"]) for row in asked})
    )
    by_id = {update.id: update for some in by_order.values() for update in some}
    found: dict[UUID, list[RefundView]] = {}
    for row in asked:
        found.setdefault(row["return_id"], []).append(_refund(row, by_id[row["update_id"]]))
    return found


def _refund(row: Row, update: UpdateView) -> RefundView:
    return RefundView(
        id=row["id"],
        number=row["number"],
        order_id=row["order_id"],
        comment=row["comment"],
        items=asked_for.items_of(row["items"]),
        update=update,
        created_at=row["created_at"],
    )


def _view(
    row: Row,
    known: StoredReturn,
    made: Sequence[RefundView],
    of: Mapping[tuple[int, str], ReturnedOrder],
) -> ReturnView:
    details = [
        refund.update.status_detail for refund in made if refund.update.status_detail is not None
    ]
    numbers = known.returned.purchase_orders
    return ReturnView(
        id=known.id,
        store_id=row["store_uuid"],
        orders=[of.get((known.store_id, n), ReturnedOrder(n)) for n in numbers],
        status=row["status"],
        status_details=[*_unread(row), *details],
        returned=known.returned,
        refunds=made,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _unread(row: Row) -> list[StatusDetail]:
    return [] if row["import_error"] is None else [update_views.import_detail(row["import_error"])]
