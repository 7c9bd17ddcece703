"""Accepts changes of one store's orders where tables are distributed by store.

The two statements of accept.py, in parts that Citus sends to the store's server as they are: it
plans no INSERT within a WITH, and takes no sequence or advisory lock there. So a read is one
statement of that server, and a write one transaction: the orders and their lines first, then an
INSERT for each kind of row.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

import asyncpg

from app.storage import idempotency
from app.storage.orders import accept
from app.storage.orders.acceptance import (
    Acceptance,
    OrderLookup,
    OrderVersion,
    lookup_row,
    order_row,
    rows_of,
)
from app.storage.postgres import sharding, sql
from app.storage.postgres.session import Session, Sessions
from app.storage.postgres.sql import Statement

# On the store's server the planner knows no settings of this session: the keys leave it no choice.
_LOOK_UP = Statement(
    sharding.of_one(
        sql.read(
            "orders/look_up_orders.sql",
            columns=accept.COLUMNS,
            kept_for=str(idempotency.KEPT_FOR.total_seconds()),
            numbers="ARRAY[]::bigint[]",
            keyed=" AND o.id = ANY(:ids::uuid[])",
        )
    )
)
_OPEN = Statement("""
    SELECT v.n FROM unnest(:numbers::int[], :locks::bigint[]) AS v(n, lock)
     WHERE pg_try_advisory_xact_lock(v.lock)
""")
_RESERVE = sql.load("orders/reserve_unchanged.sql")
# The rows of a request, by table, in the order in which they are inserted.
_TABLES = {
    "updates": "updates",
    "shipments": "shipments",
    "cancellations": "cancellations",
    "refunds": "refunds",
    "responses": "idempotency_keys",
}


async def look_up(
    session: Session, asked: Sequence[OrderLookup]
) -> Sequence[OrderVersion | Exception]:
    """Look up orders of one store, as `accept.look_up`."""
    rows = [lookup_row(n, each) for n, each in enumerate(asked)]
    values = {
        "asked": rows,
        "store_id": rows[0]["store_id"],
        "ids": [each.order_id for each in asked],
    }
    numbers = iter(await accept.take_numbers(session, sum(each.packages for each in asked)))
    found = {
        row["n"]: {**row, "numbers": list(islice(numbers, asked[row["n"]].packages))}
        for row in await _LOOK_UP.fetch(session, values)
    }
    return [accept.version_found(each, found.get(n)) for n, each in enumerate(asked)]


async def write(grouped: Sessions, wanted: Sequence[Acceptance]) -> Sequence[bool | Exception]:
    """Write acceptances of one store, as `accept.accept`."""
    try:
        async with grouped.transaction() as session:
            return await _write(session, wanted)
    except asyncpg.UniqueViolationError as error:
        if len(wanted) == 1 and accept.overtaken(error):
            return [False]
        raise


async def _write(session: Session, wanted: Sequence[Acceptance]) -> list[bool | Exception]:
    running = await _running(session, wanted)
    orders = [order_row(n, each) for n, each in enumerate(wanted) if n not in running]
    rows = rows_of(wanted)
    values = {
        "orders": orders,
        "store_id": wanted[0].version.order.store_id,
        "ids": [row["order_id"] for row in orders],
        "lines": rows["lines"],
    }
    urgent = {row["n"]: row["urgent"] for row in await _RESERVE.fetch(session, values)}
    for name, table in _TABLES.items():
        more = [
            _complete(name, row, wanted[row["n"]], urgent=urgent[row["n"]])
            for row in rows[name]
            if row["n"] in urgent
        ]
        if more:
            statement = _insert(table, tuple(more[0]), len(more))
            await session.fetch(statement, *(value for row in more for value in row.values()))
    return [idempotency.in_progress() if n in running else n in urgent for n in range(len(wanted))]


async def _running(session: Session, wanted: Sequence[Acceptance]) -> set[int]:
    """The requests that run elsewhere; the keys of the others are locked for this transaction."""
    locks = {n: idempotency.lock_number(each.once) for n, each in enumerate(wanted) if each.once}
    if not locks:
        return set()
    values = {"numbers": list(locks), "locks": list(locks.values())}
    return set(locks) - {row["n"] for row in await _OPEN.fetch(session, values)}


def _complete(
    name: str, row: Mapping[str, Any], wanted: Acceptance, *, urgent: bool
) -> dict[str, Any]:
    """The row of a table, with what accept.sql takes from the accepted order."""
    full = {column: value for column, value in row.items() if column != "n"}
    order, at = wanted.version.order, wanted.version.at
    full["store_id"] = order.store_id
    if name != "responses":
        full |= {"order_id": order.id, "created_at": at}
    if name == "updates":
        full |= {"urgent": urgent, "updated_at": at, "due_at": at}
    return full


@cache
def _insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    """An INSERT of some rows; names are our own."""
    width = len(columns)
    values = ", ".join(
        "({})".format(", ".join(f"${row * width + each + 1}" for each in range(width)))
        for row in range(rows)
    )
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values}"  # noqa: S608
