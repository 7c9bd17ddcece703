"""What reading a page of orders costs: as many statements as one order, and no sorting."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from app.intake import ship
from app.orders.errors import Invalid
from app.orders.returns import Return, ReturnLine
from app.storage import overview, returns
from app.storage.database import Connection, Database
from app.storage.overview import OrderFilter, Page, ReturnFilter, UpdateFilter, search
from tests.world import ACTOR, World, a_package

EARLY = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def counted(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that goes to the database meanwhile, with its values."""
    said: list[tuple[str, Any]] = []

    def note(*event: Any) -> None:
        said.append((event[2], event[3]))

    engine = database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield said
    sa.event.remove(engine, "before_cursor_execute", note)


async def test_a_page_costs_as_many_statements_with_many_orders_and_stores_as_with_one(
    world: World,
) -> None:
    stores = [await world.a_store() for _ in range(4)]
    for number in range(12):
        order = await world.an_order(1, store=stores[number % 4])
        await ship.ship(world.desk, order.id, a_package(f"1ZN{number}"), actor=ACTOR)
    spent = []
    for limit in (1, 11):
        with counted(world.database) as said:
            async with world.database.begin() as connection:
                views, _ = await overview.orders(connection, OrderFilter(), Page(limit))
        spent.append(len(said))
        assert [len(view.shipments) for view in views] == [1] * limit
    assert spent[0] == spent[1]


@pytest.mark.parametrize("status", [None, "open"])
async def test_a_page_of_the_newest_orders_is_read_off_an_index_and_not_sorted(
    world: World, status: str | None
) -> None:
    store = await world.a_store()
    await world.an_order(1, store=store)
    with counted(world.database) as said:
        async with world.database.begin() as connection:
            wanted = OrderFilter(store_id=store.store_id, status=status)
            await overview.orders(connection, wanted, Page(50))
    listing = [each for each in said if "FROM orders" in each[0]]
    assert listing
    for statement, values in listing:
        plan = await explained(world, statement, values)
        assert "ordered_at" in plan
        assert "Sort" not in plan


async def explained(world: World, statement: str, values: Any) -> str:
    """How PostgreSQL would read it if there were so many orders that it mattered."""
    async with reading_dearly(world) as connection:
        rows = await connection.exec_driver_sql(f"EXPLAIN {statement}", tuple(values))
        return "\n".join(row[0] for row in rows)


async def explained_for_any_values(world: World, statement: str, values: Any) -> str:
    """The same once it is planned for all values, as what is asked again and again may be."""
    async with reading_dearly(world) as connection:
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.exec_driver_sql(f"PREPARE asked AS {statement}")
        nulls = ", ".join("NULL" for _ in values)
        rows = await connection.exec_driver_sql(f"EXPLAIN EXECUTE asked ({nulls})")
        plan = "\n".join(row[0] for row in rows)
        await connection.exec_driver_sql("DEALLOCATE asked")
    return plan


@asynccontextmanager
async def reading_dearly(world: World) -> AsyncIterator[Connection]:
    """Where PostgreSQL avoids what would be dear with very many orders."""
    async with world.database.begin() as connection:
        for dear in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
            await connection.exec_driver_sql(f"SET LOCAL enable_{dear} = off")
        yield connection


# Enough for PostgreSQL to tell one index from another.
_ROWS = (
    "SET LOCAL session_replication_role = replica",
    """INSERT INTO orders (store_id, id, purchase_order_id, customer_order_id,
                           commerce_order_number)
       SELECT {store}, uuid(md5('o' || n)::text), 'P' || n, 'C' || n, 'M' || n
         FROM generate_series(1, 2000) n""",
    """INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered)
       SELECT store_id, id, '1', 1, 'S' || purchase_order_id, 1 FROM orders""",
    """INSERT INTO shipments (store_id, id, order_id, update_id, carrier_code, tracking_number,
                              tracking_key, shipped_at, method_code, fingerprint,
                              override_cancel_request, walmart_carrier, items)
       SELECT store_id, id, id, id, 'ups', '1Z' || purchase_order_id, '1Z' || purchase_order_id,
              now(), 'Standard', '', false, '{{}}', '[]' FROM orders""",
    "ANALYZE orders, order_lines, shipments",
)


async def _fill(world: World, store: int) -> None:
    async with world.database.begin() as connection:
        for statement in _ROWS:
            await connection.exec_driver_sql(statement.format(store=store))


@pytest.mark.parametrize("of_one", [True, False])
async def test_a_search_looks_at_what_begins_so_and_at_nothing_else(
    world: World, *, of_one: bool
) -> None:
    store = await world.a_store()
    await _fill(world, store.store_id)
    with counted(world.database) as said:
        async with world.database.begin() as connection:
            await search.find(connection, "1Z-1", store.store_id if of_one else None)
    assert len(said) == 5
    for statement, values in said:
        plan = await explained_for_any_values(world, statement, values)
        assert re.search(r"Index Cond: \(\(?.*store_id = .*~>=~.*~<~", plan), plan


_RETURNS = (
    """INSERT INTO returns (store_id, id, return_order_id, customer_order_id, purchase_order_id,
                            lines, refunded)
       SELECT store_id, id, 'R' || purchase_order_id, customer_order_id, purchase_order_id, '[]',
              false FROM orders""",
    """INSERT INTO return_orders (store_id, return_id, purchase_order_id)
       SELECT store_id, id, 'Q' || purchase_order_id FROM returns""",
    "ANALYZE returns, return_orders",
)


async def _fill_returns(world: World, store: int) -> None:
    await _fill(world, store)
    async with world.database.begin() as connection:
        for statement in _RETURNS:
            await connection.exec_driver_sql(statement)


@pytest.mark.parametrize("of_one", [True, False])
async def test_a_search_of_returns_looks_at_what_begins_so_and_at_nothing_else(
    world: World, *, of_one: bool
) -> None:
    store = await world.a_store()
    await _fill_returns(world, store.store_id)
    with counted(world.database) as said:
        async with world.database.begin() as connection:
            await search.find_returns(connection, "M10", store.store_id if of_one else None)
    assert len(said) == 6
    for statement, values in said:
        plan = await explained_for_any_values(world, statement, values)
        assert "Seq Scan" not in plan
        if "~>=~" in statement:
            assert re.search(r"Index Cond: \(\(?.*store_id = .*~>=~.*~<~", plan), plan
        else:
            assert len(re.findall(r"Index Cond: .*purchase_order_id = ", plan)) == 2, plan


async def test_a_search_of_returns_that_too_much_answers_to_says_so(world: World) -> None:
    store = await world.a_store()
    await _fill_returns(world, store.store_id)
    async with world.database.begin() as connection:
        for broad in ("R", "M"):
            with pytest.raises(Invalid, match="Type more of it"):
                await search.find_returns(connection, broad, store.store_id)
        assert len(await search.find_returns(connection, "M2000", store.store_id)) == 1


async def test_returns_are_found_by_their_orders_off_indexes(world: World) -> None:
    """Those that a list of orders counts, and those of one order."""
    store = await world.a_store()
    await _fill_returns(world, store.store_id)
    order = await world.an_order(1)
    shown = Return("1", "2", (ReturnLine(1, "1", "SKU-1", 1),), order.purchase_order_id)
    async with world.database.begin() as connection:
        await returns.save(connection, 1, [shown], world.desk.new_id)
    with counted(world.database) as said:
        async with world.database.begin() as connection:
            view = await overview.order(connection, 1, order.id)
            found, _ = await overview.returns(connection, ReturnFilter(1, order.id), Page(50))
    assert view is not None
    assert view.returns == len(found) == 1
    asked = [each for each in said if "return_orders" in each[0]]
    assert len(asked) == 2
    for statement, values in asked:
        plan = await explained_for_any_values(world, statement, values)
        assert "Seq Scan" not in plan
        for table in ("returns", "return_orders"):
            assert re.search(rf"on {table}\b.*\n.*Index Cond: .*purchase_order_id = ", plan), plan


@pytest.mark.parametrize("wanted", [OrderFilter(), OrderFilter(status="open")])
async def test_a_list_of_all_stores_reads_the_first_orders_of_each_off_its_index(
    world: World, wanted: OrderFilter
) -> None:
    store = await world.a_store()
    await world.an_order(1, store=store)
    with counted(world.database) as said:
        async with world.database.begin() as connection:
            await overview.orders(connection, wanted, Page(50))
    listing = [each for each in said if "each_store" in each[0]]
    assert listing
    for statement, values in listing:
        plan = await explained(world, statement, values)
        assert re.search(r"Index Cond: \(.*store_id = stores.store_id", plan), plan


# Of everything that is there a hundredth, so that another index would have to read it all.
_RARE = (
    "SET LOCAL session_replication_role = replica",
    """INSERT INTO orders (store_id, id, purchase_order_id, status)
       SELECT {store}, uuid(md5('o' || n)::text), 'P' || n,
              CASE n % 100 WHEN 0 THEN 'canceled' ELSE 'shipped' END
         FROM generate_series(1, 3000) n""",
    """INSERT INTO updates (store_id, id, subject, kind, sequence, state, last_error)
       SELECT {store}, uuid(md5('u' || n)::text), 'P' || n,
              CASE n % 100 WHEN 1 THEN 'cancellation' ELSE 'shipment' END, 1,
              CASE n % 100 WHEN 2 THEN 'failed' ELSE 'confirmed' END,
              CASE n % 100 WHEN 2 THEN jsonb_build_object('code', 'rare', 'origin', 'walmart', 'message', 'No.',
                'field', null, 'suggestion', null, 'retryable', false) END
         FROM generate_series(1, 3000) n""",
    "ANALYZE orders, updates",
)


@pytest.mark.parametrize("of_one", [True, False])
@pytest.mark.parametrize(
    ("wanted", "index", "by"),
    [
        (
            OrderFilter(status="canceled", updated_since=EARLY),
            "ix_orders_status_updated_at",
            r"status = .*updated_at >=",
        ),
        (UpdateFilter(code="rare"), "ix_updates_code", "'code'"),
        (UpdateFilter(kind="cancellation"), "ix_updates_rare_kinds", "kind = "),
    ],
)
async def test_what_is_rare_is_found_without_reading_what_is_not(
    world: World, wanted: OrderFilter | UpdateFilter, index: str, by: str, *, of_one: bool
) -> None:
    store = await world.a_store()
    async with world.database.begin() as connection:
        for statement in _RARE:
            await connection.exec_driver_sql(statement.format(store=store.store_id))
    asked = replace(wanted, store_id=store.store_id if of_one else None)
    with counted(world.database) as said:
        async with world.database.begin() as connection:
            if isinstance(asked, OrderFilter):
                await overview.orders(connection, asked, Page(50))
            else:
                await overview.updates(connection, asked, Page(50))
    plan = await explained_for_any_values(world, *said[0])
    assert re.search(rf"{index} .*\n.*Index Cond: .*{by}", plan), plan
