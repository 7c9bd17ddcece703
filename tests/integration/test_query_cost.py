"""The number of statements for a page of orders, which equals that for one order."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from app.storage import queries
from app.storage.postgres.database import Database
from app.storage.queries import KeysetPage, OrderFilter
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.world import ACTOR, World


@contextmanager
def counted(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Record every statement sent to the database, with its values."""
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
        await ship.ship(world.context, order.id, a_package(f"1ZN{number}"), actor=ACTOR)
    spent = []
    for limit in (1, 11):
        with counted(world.database) as said:
            async with world.database.begin() as connection:
                views, _ = await queries.orders(connection, OrderFilter(), KeysetPage(limit))
        spent.append(len(said))
        assert [len(view.shipments) for view in views] == [1] * limit
    assert spent[0] == spent[1]
