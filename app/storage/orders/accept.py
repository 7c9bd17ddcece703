"""Accepts changes of orders, such as shipments, in two statements: look up, then write.

The write happens only if the order is still as it was looked up. Either nothing is locked between
the two statements, and the write compares the version of the order's row (PostgreSQL's xmin): every
change of an order's lines or updates changes that row in its transaction. The write skips an order
that has changed or that another transaction locks. Or the transaction has locked the row (`FOR
UPDATE`) before it looked up. The rows that are written are the same.

Without locks both statements serve the requests of a batch (decision 0023), each by its number n.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg

from app import logs
from app.domain.errors import Unknown
from app.domain.ids import store_of
from app.domain.outbox.claimed_update import NewUpdate
from app.storage import idempotency
from app.storage.idempotency import StoredResponse
from app.storage.orders import repository
from app.storage.orders.acceptance import (
    Acceptance,
    OrderLookup,
    OrderVersion,
    lookup_row,
    order_row,
    rows_of,
)
from app.storage.postgres import sharding, sql
from app.storage.postgres.database import Connection
from app.storage.postgres.errors import violated
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row, Session
from app.storage.postgres.sharding import ShardedCommand
from app.storage.postgres.sql import Statement
from app.storage.stores.stores import ShippingRules

COLUMNS = f"""{repository.WHOLE},
       st.id AS store_uuid, st.carriers, st.default_tracking_url, st.market, now() AS at"""
"""What is read of an order o and its store st: a template of sharding.py."""
_LOOK_UP = Statement(
    sharding.of_any(
        sql.read(
            "orders/look_up_orders.sql",
            columns=COLUMNS,
            kept_for=str(idempotency.KEPT_FOR.total_seconds()),
            numbers="""ARRAY(SELECT nextval(pg_get_serial_sequence('shipments', 'number'))
                               FROM generate_series(1, v.packages))""",
            asked=":asked::jsonb",
        )
    )
)
_LOOK_UP_LOCKED = ShardedCommand(sql.read("orders/look_up_locked.sql", columns=COLUMNS))
_NUMBERS = Statement("""
    SELECT nextval(pg_get_serial_sequence('shipments', 'number')) AS number
      FROM generate_series(1, :packages::int)
""")
# What inserts the rows of each kind.
_PARTS = {
    "shipments": sql.read("orders/accept_shipments.sql"),
    "cancellations": sql.read("orders/accept_cancellations.sql"),
    "refunds": sql.read("orders/accept_refunds.sql"),
    "responses": "stored AS ({})".format(
        sql.read("store_response.sql", accepted="accepted a JOIN", rest="USING (n)")
    ),
}
_UNCHANGED = sql.read("orders/accept_if_unchanged.sql")
_LOCKED = sql.read("orders/accept_locked.sql")
# Another request was faster, or an expired response is stored under the key.
_OVERTAKEN = frozenset({"pk_idempotency_keys", "uq_updates_active", "uq_shipments_reference"})


async def look_up(
    session: Session, asked: Sequence[OrderLookup]
) -> Sequence[OrderVersion | Exception]:
    """Look up orders, which are not locked. Returns each, or the error of its request.

    That is Unknown, Replayed if the request was answered before, or Invalid idempotency_key_reused
    if its key was used for another body.
    """
    wanted = [lookup_row(n, each) for n, each in enumerate(asked)]
    found = {row["n"]: row for row in await _LOOK_UP.fetch(session, {"asked": wanted})}
    return [version_found(each, found.get(n)) for n, each in enumerate(asked)]


async def take_numbers(reader: Reader, packages: int) -> list[int]:
    """Take numbers for shipments, in order."""
    return [row["number"] for row in await _NUMBERS.fetch(reader, {"packages": packages})]


async def lock(connection: Connection, order_id: UUID) -> OrderVersion:
    """Lock an order until the transaction ends, and look it up. Raises Unknown."""
    await repository.lock_rows(connection, [(store_of(order_id) or 0, order_id)])
    return await look_up_locked(connection, order_id)


async def look_up_locked(connection: Connection, order_id: UUID) -> OrderVersion:
    """Look up an order that this transaction has locked. Raises Unknown.

    `take_numbers` has the numbers of its new shipments.
    """
    store_id = store_of(order_id) or 0
    key = {"store_id": store_id, "order_id": order_id}
    row = (await _LOOK_UP_LOCKED.execute(connection, [store_id], key)).mappings().one_or_none()
    if row is None:
        raise Unknown("order", order_id)
    return _version_of(row, [])


async def accept(session: Session, wanted: Sequence[Acceptance]) -> Sequence[bool | Exception]:
    """Write acceptances in one transaction. Returns for each whether it is written.

    False means that the order has changed since it was looked up, that another transaction locks
    it, or that another acceptance of the batch is of the same order. A request gets Conflict
    idempotency_in_progress while another one with its key runs.
    """
    rows = rows_of(wanted)
    rows["orders"] = [order_row(n, each) for n, each in enumerate(wanted)]
    try:
        found = await _statement(_parts(rows)).fetch(session, rows)
    except asyncpg.UniqueViolationError as error:
        if len(wanted) == 1 and overtaken(error):
            return [False]
        raise
    results = {
        row["n"]: row["written"] if row["open"] else idempotency.in_progress() for row in found
    }
    return [results[n] for n in range(len(wanted))]


def overtaken(error: asyncpg.UniqueViolationError) -> bool:
    """Whether another request was faster, so that this one must lock the order."""
    return violated(error) in _OVERTAKEN


async def accept_locked(connection: Connection, wanted: Acceptance) -> None:
    """Write an acceptance of an order that this transaction has locked.

    The response of the request is not stored (see `idempotency.store`).
    """
    order, rows = wanted.version.order, rows_of([wanted])
    key = {"store_id": order.store_id, "order_id": order.id, "at": wanted.version.at}
    await _locked_statement(_parts(rows)).execute(connection, [order.store_id], {**rows, **key})
    log_about(wanted)


def log_about(wanted: Acceptance) -> None:
    """Let the later lines of this request's log name the order and the updates."""
    order = wanted.version.order
    for each in wanted.updates:
        logs.about(store_id=order.store_id, order_id=order.id, update_id=each.id)


async def append(connection: Connection, new: NewUpdate) -> None:
    """Append an update to the queue of its order, which this transaction has locked."""
    assert new.order_id is not None  # noqa: S101 - it is about an order
    version = await look_up_locked(connection, new.order_id)
    await accept_locked(connection, Acceptance(version, [new]))


@cache
def _statement(parts: tuple[str, ...]) -> Statement:
    result = """SELECT g.n, g.open, a.n IS NOT NULL AS written
                  FROM given g LEFT JOIN accepted a USING (n)"""
    return Statement(sharding.of_any(_template(_UNCHANGED, parts, result)))


@cache
def _locked_statement(parts: tuple[str, ...]) -> ShardedCommand:
    return ShardedCommand(_template(_LOCKED, parts, "SELECT n FROM accepted"))


def _template(guard: str, parts: tuple[str, ...], result: str) -> str:
    more = "".join(f",\n{_PARTS[each]}" for each in parts)
    return sql.read("orders/accept.sql", guard=guard, parts=more, result=result)


def _parts(rows: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """The parts that have rows: a statement with fewer tables costs less."""
    return tuple(name for name in _PARTS if rows[name])


def version_found(asked: OrderLookup, row: Row | None) -> OrderVersion | Exception:
    """The version in a row of look_up_orders.sql, or the error of the request."""
    if row is None:
        return Unknown("order", asked.order_id)
    if asked.once is not None and row["replayable"]:
        answer = StoredResponse(row["status"], row["body"], row["headers"])
        return idempotency.known(asked.once, row["fingerprint"], answer)
    return _version_of(row, row["numbers"], row["version"], repeated=row["repeated"])


def _version_of(
    row: Mapping[Any, Any],
    numbers: Sequence[int],
    version: int | None = None,
    *,
    repeated: bool = False,
) -> OrderVersion:
    return OrderVersion(
        order=repository.from_row(row),
        store=row["store_uuid"],
        rules=ShippingRules(row["carriers"], row["default_tracking_url"], row["market"]),
        at=row["at"],
        numbers=numbers,
        version=version,
        repeated=repeated,
    )
