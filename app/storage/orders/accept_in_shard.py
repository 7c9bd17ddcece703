"""Accepts changes of one store's orders where tables are distributed by store.

The two statements of accept.py are two functions there (`app/storage/cluster/functions.py`), which
run on the store's server: Citus plans no INSERT within a WITH, and a long statement twice for each
call. The first asks the same question, of the rows that it has read; the second writes the
same rows. Only the numbers of shipments are the coordinator's.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg

from app.storage import idempotency
from app.storage.cluster import functions
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

_TIMES = ("ordered_at", "last_synced_at", "at")
_LOOK_UP = functions.StoreFunction(
    "orders/look_up_changes.sql",
    question=sharding.of_any(
        sql.read(
            "orders/look_up_orders.sql",
            columns=accept.COLUMNS,
            kept_for=str(idempotency.KEPT_FOR.total_seconds()),
            numbers="ARRAY[]::bigint[]",
            asked="given",
        )
    ),
)
_ACCEPT = functions.StoreFunction("orders/accept_changes.sql")
FUNCTIONS = (_LOOK_UP, _ACCEPT)
"""Made by `waybill distribute` and, on a cluster, by `waybill migrate`."""


async def look_up(
    session: Session, asked: Sequence[OrderLookup]
) -> Sequence[OrderVersion | Exception]:
    """Look up orders of one store, as `accept.look_up`."""
    rows = [lookup_row(n, each) for n, each in enumerate(asked)]
    numbers = iter(await accept.take_numbers(session, sum(each.packages for each in asked)))
    (called,) = await session.fetch(_LOOK_UP.call, asked[0].store_id, rows)
    found = {
        row["n"]: {**_typed(row), "numbers": list(islice(numbers, asked[row["n"]].packages))}
        for row in called["answer"]
    }
    return [accept.version_found(each, found.get(n)) for n, each in enumerate(asked)]


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """A row of look_up_orders.sql with the types that it has where one server has all tables."""
    for name in _TIMES:
        row[name] = row[name] and datetime.fromisoformat(row[name])
    for name in ("id", "store_uuid"):
        row[name] = UUID(row[name])
    for name in ("fingerprint", "body"):
        # PostgreSQL manual, 8.4.1: the hex format of bytea.
        row[name] = row[name] and bytes.fromhex(row[name].removeprefix("\\x"))
    row["version"] = int(row["version"])
    return row


async def write(grouped: Sessions, wanted: Sequence[Acceptance]) -> Sequence[bool | Exception]:
    """Write acceptances of one store, as `accept.accept`."""
    given = [
        {**order_row(n, each), **{name: rows for name, rows in rows_of([each]).items() if rows}}
        for n, each in enumerate(wanted)
    ]
    store_id = wanted[0].version.order.store_id
    try:
        (called,) = await grouped.fetch(_ACCEPT.call, store_id, given)
    except asyncpg.UniqueViolationError as error:
        if len(wanted) == 1 and accept.overtaken(error):
            return [False]
        raise
    found = called["answer"]
    return [
        idempotency.in_progress() if n in found["running"] else n in found["written"]
        for n in range(len(wanted))
    ]
