"""The read side on a real PostgreSQL: paging, searching, and separation of stores."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.orders.order import Money
from app.storage import queries
from app.storage.queries import KeysetPage, OrderFilter, UpdateFilter
from app.storage.queries.views import MoneyView, OrderView, StoreView
from app.storage.tables import orders
from app.usecases.imports.register import RegisteredLine, Registration, register
from app.usecases.orders import ship
from tests.builders import NOW, a_package
from tests.harness.world import ACTOR, World


def a_registration(number: int, **changes: Any) -> Registration:
    given: dict[str, Any] = {
        "purchase_order_id": str(2_000_000_000 + number),
        "lines": (RegisteredLine("1", f"SKU-{number}", 2, None, None, Money(Decimal(7), "USD")),),
        "customer_order_id": f"CUST-{number}",
        "commerce_order_number": f"{number:09}",
        "commerce_order_id": number,
        "ordered_at": NOW + timedelta(minutes=number),
        "ship_by": None,
        "deliver_by": None,
        "ship_method": None,
        **changes,
    }
    return Registration(**given)


async def registered(world: World, store: StoreView, number: int, **changes: Any) -> OrderView:
    done = await register(world.context, store.id, a_registration(number, **changes), actor=ACTOR)
    return done.order


async def listed(world: World, limit: int = 50, **wanted: Any) -> list[str]:
    """The purchase orders of every page, in order."""
    found: list[str] = []
    after: tuple[Any, ...] | None = None
    for _ in range(30):
        async with world.database.begin() as connection:
            page = KeysetPage(limit, after)
            views, after = await queries.orders(connection, OrderFilter(**wanted), page)
        found += [view.purchase_order_id for view in views]
        if after is None:
            return found
    raise AssertionError(f"the pages have no end: {found}")


def numbers(*given: int) -> list[str]:
    return [str(2_000_000_000 + number) for number in given]


async def test_an_order_shows_its_value_only_if_every_line_has_a_price_in_one_currency(
    world: World,
) -> None:
    store = await world.a_store()
    dollars = Money(Decimal("1.50"), "USD")

    def line(number: str, price: Money | None) -> RegisteredLine:
        return RegisteredLine(number, f"SKU-{number}", 2, None, None, price)

    whole = await registered(world, store, 1, lines=(line("1", dollars), line("2", dollars)))
    unpriced = await registered(world, store, 2, lines=(line("1", dollars), line("2", None)))
    mixed = (line("1", dollars), line("2", Money(Decimal(1), "CAD")))
    two_currencies = await registered(world, store, 3, lines=mixed)
    assert (whole.item_count, whole.order_value) == (4, MoneyView("6.00", "USD"))
    assert (unpriced.item_count, unpriced.order_value) == (4, None)
    assert two_currencies.order_value is None


async def test_orders_come_newest_first_and_those_without_a_date_last(world: World) -> None:
    store = await world.a_store()
    for number in (1, 2, 3, 4, 5):
        undated = {"ordered_at": None} if number in {2, 4} else {}
        await registered(world, store, number, **undated)
    expected = numbers(5, 3, 1, 4, 2)
    for limit in (1, 2, 3, 4, 5, 50):
        assert await listed(world, limit) == expected, limit
        assert await listed(world, limit, store_id=store.store_id) == expected, limit


async def test_simultaneous_orders_are_neither_skipped_nor_repeated(world: World) -> None:
    store = await world.a_store()
    for number in range(5):
        await registered(world, store, number, ordered_at=NOW)
    assert sorted(await listed(world, 2)) == numbers(0, 1, 2, 3, 4)


async def test_a_page_continues_where_it_stopped_though_orders_arrive_meanwhile(
    world: World,
) -> None:
    store = await world.a_store()
    for number in (1, 2, 3):
        await registered(world, store, number)
    async with world.database.begin() as connection:
        first, after = await queries.orders(connection, OrderFilter(), KeysetPage(2))
    await registered(world, store, 9)
    async with world.database.begin() as connection:
        second, end = await queries.orders(connection, OrderFilter(), KeysetPage(2, after))
    assert [view.purchase_order_id for view in first + second] == numbers(3, 2, 1)
    assert end is None


async def test_orders_due_soonest_come_first_and_shipped_ones_are_not_shown(
    world: World,
) -> None:
    store = await world.a_store()
    for number, hours in ((1, 30), (2, 10), (3, 20), (4, 99)):
        await registered(world, store, number, ship_by=NOW + timedelta(hours=hours))
    await registered(world, store, 5)
    left = await registered(world, store, 6, ship_by=NOW + timedelta(hours=1))
    async with world.database.begin() as connection:
        shipped = sa.update(orders).where(orders.c.id == left.id)
        await connection.execute(shipped.values(fulfillment_status="shipped"))
    soon = NOW + timedelta(hours=48)
    assert await listed(world, 1, ship_before=soon) == numbers(2, 3, 1)


async def test_a_reader_of_changes_continues_after_the_last_change(world: World) -> None:
    store = await world.a_store()
    for number in (1, 2, 3):
        await registered(world, store, number)
    await touched(world, 1, NOW + timedelta(hours=3))
    await touched(world, 2, NOW + timedelta(hours=1))
    await touched(world, 3, NOW + timedelta(hours=2))
    since = NOW + timedelta(hours=1)
    assert await listed(world, 1, updated_since=since) == numbers(2, 3, 1)
    assert await listed(world, 1, updated_since=since + timedelta(hours=1)) == numbers(3, 1)


async def touched(world: World, number: int, at: datetime) -> None:
    async with world.database.begin() as connection:
        one = sa.update(orders).where(orders.c.purchase_order_id.in_(numbers(number)))
        await connection.execute(one.values(updated_at=at))


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("2000000007", True),
        ("20000000", True),
        ("CUST-7", True),
        ("000000007", True),
        ("SKU-7", True),
        ("sku-7", True),
        ("1z 999-abc", True),
        ("1Z999ABC12", True),
        ("  CUST-7  ", True),
        ("UST-7", False),
        ("SKU%", False),
        ("SKU_7", False),
        ("CUST\\", False),
        ("%", False),
        ("-", False),
        (" - ", False),
        ("   ", False),
        ("1Z999ABC123", False),
    ],
)
async def test_an_order_is_found_by_the_beginning_of_any_of_its_numbers(
    world: World, q: str, found: bool
) -> None:
    store = await world.a_store()
    order = await registered(world, store, 7)
    await ship.ship(world.context, order.id, a_package("1Z-999 abc 12"), actor=ACTOR)
    expected = numbers(7) if found else []
    assert await listed(world, q=q) == expected
    assert await listed(world, q=q, store_id=store.store_id) == expected


async def test_no_list_shows_another_store(world: World) -> None:
    mine, other = await world.a_store(), await world.a_store()
    ours = await registered(world, mine, 1)
    theirs = await registered(world, other, 1)
    number = mine.store_id
    assert await listed(world, q="SKU-1", store_id=number) == numbers(1)
    async with world.database.begin() as connection:
        assert await queries.order(connection, number, theirs.id) is None
        assert not (await queries.timeline(connection, number, theirs.id)).entries
        found, _ = await queries.orders(connection, OrderFilter(store_id=number), KeysetPage(9))
        queue, _ = await queries.updates(connection, UpdateFilter(store_id=number), KeysetPage(9))
        shown, _ = await queries.stores(connection, number, KeysetPage(9))
        counts = await queries.summary(connection, number)
    assert [view.id for view in found] == [ours.id]
    assert {update.order_id for update in queue} == {ours.id}
    assert [store.id for store in shown] == [mine.id]
    assert counts["total"] == 1


async def test_orders_are_counted_by_status_for_one_store_or_all(world: World) -> None:
    first, second = await world.a_store(), await world.a_store()
    await registered(world, first, 1)
    order = await registered(world, second, 2)
    async with world.database.begin() as connection:
        failed = sa.update(orders).where(orders.c.id == order.id).values(status="error")
        await connection.execute(failed)
        every = await queries.summary(connection, None)
        one = await queries.summary(connection, second.store_id)
    nothing = {"partially_shipped": 0, "shipped": 0, "canceled": 0}
    assert every == {"open": 1, **nothing, "error": 1, "total": 2}
    assert one == {"open": 0, **nothing, "error": 1, "total": 1}
    assert await listed(world, statuses=("error",)) == numbers(2)


async def test_stores_are_paged_in_the_order_they_were_connected(world: World) -> None:
    made = [(await world.a_store()).id for _ in range(3)]
    async with world.database.begin() as connection:
        first, after = await queries.stores(connection, None, KeysetPage(2))
        second, end = await queries.stores(connection, None, KeysetPage(2, after))
    assert [store.id for store in first + second] == made
    assert (len(first), end) == (2, None)
