"""Every list with every filter, and with each pair of filters, reads only what its page needs."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from app.domain.update import Kind, State
from app.storage import queries
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.queries import (
    KeysetPage,
    OrderFilter,
    OrderSort,
    ReturnFilter,
    UpdateFilter,
    commerce_search,
    order_candidates,
    order_lists,
)
from app.storage.queries.commerce_order_search import ORDERS
from app.storage.queries.commerce_search import Criteria
from app.storage.queries.commerce_search import Filter as CommerceFilter
from tests.harness.databases import Server
from tests.integration import plain_orders
from tests.integration.growth import MANY, Watched, grow, rows_read

LATE = datetime(2027, 1, 1, tzinfo=UTC)
EARLY = datetime(2025, 1, 1, tzinfo=UTC)
STORE = 2
LIMIT, PAGES = 10, 3
_ASYNCPG = dialect()  # type: ignore[no-untyped-call]
# The rows and index entries that a page may read: its own in each group, and the rows that
# belong to them; far fewer than the MANY rows around them.
BOUND = 700

Filter = OrderFilter | UpdateFilter | ReturnFilter
_ORDERS: dict[str, list[Any]] = {
    "statuses": [
        *((each,) for each in ("open", "partially_shipped", "shipped", "canceled", "error")),
        ("open", "error"),
    ],
    "q": ["R1", "M599"],
    "updated_since": [EARLY],
    "ship_before": [LATE],
    "without_commerce_order": [True],
}
_UPDATES: dict[str, list[Any]] = {
    "state": list(State),
    "kind": [Kind.SHIPMENT, Kind.INVENTORY],
    "code": ["common", "rare", "unheard of"],
}
_RETURNS: dict[str, list[Any]] = {"status": ["received", "refunded", "error"]}
# Filters that no index of a list has: each alone, with a status, and with each sort.
_CHECKED: dict[str, Any] = {
    "sync": ("pending", "error"),
    "code": "rare",
    "ship_method": "Freight",
    "fulfilled_by": "walmart",
    "cancel_requested": True,
    "return_requested": True,
    "ordered_to": datetime(2026, 1, 10, tzinfo=UTC),
    "ship_before": EARLY,
    "updated_since": LATE,
}


def _each(kind: type[Filter], fields: dict[str, list[Any]], most: int) -> Iterator[Filter]:
    for count in range(most + 1):
        for names in itertools.combinations(fields, count):
            for values in itertools.product(*(fields[name] for name in names)):
                yield kind(**dict(zip(names, values, strict=True)))


def _sorted() -> Iterator[Filter]:
    for sort in OrderSort:
        yield OrderFilter(sort=sort)
        yield OrderFilter(sort=sort, statuses=("canceled",))
    for name, value in _CHECKED.items():
        yield OrderFilter(**{name: value, "statuses": ("error",)})
        for sort in OrderSort:
            yield OrderFilter(**{name: value}, sort=sort)


_ALL = [
    *_each(OrderFilter, _ORDERS, 2),
    *_sorted(),
    *_each(UpdateFilter, _UPDATES, 3),
    *_each(ReturnFilter, _RETURNS, 1),
]


def _named(wanted: Filter) -> str:
    said = {name: getattr(wanted, name) for name in wanted.__dataclass_fields__}
    return ", ".join(f"{name} {value}" for name, value in said.items() if value) or "everything"


@pytest.fixture(scope="module", params=[True, False], ids=["analyzed", "not analyzed"])
def grown(request: pytest.FixtureRequest, server: Server) -> Iterator[dict[str, Any]]:
    """Connection arguments of a large database; no test writes to it."""
    with server.fresh() as url:
        arguments = asyncpg_arguments(url)
        asyncio.run(grow(arguments, known=request.param))
        yield arguments


@dataclass
class Reading:
    """Reads pages twice, by generic plans and by plans for these values."""

    sessions: list[Watched]

    async def worst(self, wanted: Filter) -> tuple[int, str]:
        """The most rows that a statement of its first pages reads, and that statement with its plan.

        Asserts that these pages show the expected rows, in order.
        """
        expected = await self._there(wanted)
        for session in self.sessions:
            session.read.clear()
            shown, after = [], None
            for _ in range(PAGES):
                rows, after = await _list(session, wanted, KeysetPage(LIMIT, after))
                shown += [row.id for row in rows]
                if after is None:
                    break
            # A page may have fewer orders than its limit.
            shown_all = expected if after is None else expected[: len(shown)]
            assert shown == shown_all, _named(wanted)
        return max((each for one in self.sessions for each in one.read), default=(0, ""))

    async def _there(self, wanted: Filter) -> list[UUID]:
        """The expected pages, from the simplest statement."""
        if isinstance(wanted, OrderFilter):
            plain = plain_orders.statement(wanted, PAGES * LIMIT)
        else:
            conditions, order = _plainly(wanted)
            among = " AND ".join(conditions)
            plain = f"SELECT id FROM {among} ORDER BY {order} LIMIT {PAGES * LIMIT}"
        found = await self.sessions[0].connection.fetch(plain)
        return [row["id"] for row in found]


def _plainly(wanted: UpdateFilter | ReturnFilter) -> tuple[list[str], str]:
    """A table with its conditions and sort keys."""
    store = [] if wanted.store_id is None else [f"store_id = {wanted.store_id}"]
    if isinstance(wanted, UpdateFilter):
        code = "last_error ->> 'code'"
        asked = {"state": wanted.state, "kind": wanted.kind, code: wanted.code}
        equal = [f"{column} = '{value}'" for column, value in asked.items() if value]
        return ["updates WHERE true", *store, *equal], "created_at DESC, id DESC"
    failed = """EXISTS (SELECT FROM refunds f JOIN updates u ON u.id = f.update_id
                         WHERE f.return_id = r.id AND u.state = 'failed')"""
    sort = {
        "refunded": "refunded",
        "error": f"NOT refunded AND {failed}",
        "received": f"NOT refunded AND NOT {failed}",
    }.get(wanted.status or "", "true")
    return ["returns r WHERE true", *store, sort], "requested_at DESC, id DESC"


async def _list(session: Any, wanted: Filter, page: KeysetPage) -> tuple[Any, Any]:
    if isinstance(wanted, OrderFilter):
        return await queries.orders(session, wanted, page)
    if isinstance(wanted, UpdateFilter):
        return await queries.updates(session, wanted, page)
    return await queries.returns(session, wanted, page)


@pytest.fixture
async def reading(grown: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reading]:
    # As much smaller as this database is.
    monkeypatch.setattr(order_lists, "EXAMINED", 80)
    monkeypatch.setattr(order_candidates, "MOST", 50)
    connection = await asyncpg.connect(**grown)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )
    plans = ("force_generic_plan", "force_custom_plan")
    yield Reading([Watched(connection, planned) for planned in plans])
    await connection.close()


@pytest.mark.parametrize("store_id", [STORE, None], ids=["one store", "all stores"])
@pytest.mark.parametrize("kind", [OrderFilter, UpdateFilter, ReturnFilter])
async def test_a_page_reads_only_what_it_needs(
    reading: Reading, kind: type[Filter], store_id: int | None
) -> None:
    wide = {}
    for wanted in (each for each in _ALL if isinstance(each, kind)):
        read, plan = await reading.worst(replace(wanted, store_id=store_id))
        if not read < BOUND < MANY:
            wide[_named(wanted)] = plan
    assert not wide, "\n".join(f"{name}: {plan}" for name, plan in wide.items())


@pytest.mark.parametrize("what", [queries.timeline, queries.shipments, queries.cancellation])
async def test_the_parts_of_an_order_are_read_without_those_of_others(
    reading: Reading, what: Any
) -> None:
    page = [KeysetPage(LIMIT)] if what is queries.shipments else []
    for session in reading.sessions:
        orders, _ = await queries.orders(session, OrderFilter(STORE), KeysetPage(1))
        await what(session, STORE, orders[0].id, *page)
        read, plan = max(session.read)
        assert read < BOUND, plan


# What Commerce's clients search by. Only statistics show PostgreSQL that the last ones find few.
_SEARCHES = (
    "ext_order_id eq R7", "ext_order_id like r7%", "ext_order_id in R7,R8", "increment_id eq r8",
    "ext_customer_id eq R9", "entity_id eq 7",
)  # fmt: skip
_RANGES = (
    "updated_at from 2026-03-01", "created_at to 2026-01-01 00:01:00", "state eq canceled",
    "status in canceled,partially_shipped",
)  # fmt: skip


@pytest.mark.parametrize("size", [20, 1000])
async def test_a_search_by_commerces_criteria_reads_what_it_finds_and_not_the_others(
    grown: dict[str, Any], size: int, request: pytest.FixtureRequest
) -> None:
    connection = await asyncpg.connect(**grown)
    analyzed = "not analyzed" not in request.node.name
    for each in (*_SEARCHES, *(_RANGES if analyzed else ())):
        wanted = Criteria([[CommerceFilter("", *each.split(" ", 2))]], [], size, 1)
        statement = commerce_search.statement(STORE, wanted, ORDERS)
        compiled = statement.compile(dialect=_ASYNCPG).construct_expanded_state()
        values = compiled.positional_parameters
        explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled.statement}"
        plan = json.loads(await connection.fetchval(explained, *values))[0]["Plan"]
        assert rows_read(plan) < BOUND < MANY, f"{each}\n{json.dumps(plan)}"
    await connection.close()
