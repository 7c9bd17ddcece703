"""Lists of all stores and searches: every order once, in order, and a stated limit."""

import itertools
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.storage import queries
from app.storage.queries import KeysetPage, OrderFilter, UpdateFilter, order_search
from tests.harness.world import World

_MANY = sa.text("""
    INSERT INTO orders (store_id, id, purchase_order_id, ordered_at, updated_at, ship_by)
    SELECT :store, ('01a20a61-4a87-7d0f-8311-' || lpad(to_hex(n), 4, '0')
                    || lpad(to_hex(CAST(:store AS int)), 8, '0'))::uuid,
           :prefix || n,
           -- Some share their moment with those of other stores, some have none.
           CASE WHEN n % 7 > 0 THEN timestamptz '2026-01-01Z' + make_interval(days => n % 5) END,
           timestamptz '2026-01-01Z' + make_interval(days => n % 3),
           timestamptz '2026-02-01Z' + make_interval(days => n % 4)
      FROM generate_series(1, :orders) n
""")
_UPDATES = sa.text("""
    INSERT INTO updates (store_id, id, subject, kind, sequence, state, created_at)
    SELECT store_id, id, purchase_order_id, 'inventory', 1, 'confirmed', updated_at FROM orders
""")
EARLY = datetime(2026, 1, 1, tzinfo=UTC)
LATE = datetime(2027, 1, 1, tzinfo=UTC)


async def filled(world: World, orders: int) -> None:
    async with world.database.begin() as connection:
        for number in range(3):
            store = await world.a_store()
            values = {"store": store.store_id, "prefix": f"P{number}-", "orders": orders}
            await connection.execute(_MANY, values)
        await connection.execute(_UPDATES)


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        (OrderFilter(), "ordered_at"),
        (OrderFilter(statuses=("open",)), "ordered_at"),
        (OrderFilter(updated_since=EARLY), "updated_at"),
        (OrderFilter(ship_before=LATE), "ship_by"),
        (OrderFilter(q="p1-"), "ordered_at"),
        (OrderFilter(q="P1-"), "ordered_at"),
    ],
)
async def test_pages_of_all_stores_show_every_order_once_and_in_order(
    world: World, wanted: OrderFilter, key: str
) -> None:
    await filled(world, 20)
    seen, after = [], None
    for _ in itertools.count():
        async with world.database.read() as connection:
            views, after = await queries.orders(connection, wanted, KeysetPage(7, after))
        seen += views
        if after is None:
            break
    expected = {"p1-": 0, "P1-": 20}.get(wanted.q or "", 60)
    assert len({view.id for view in seen}) == len(seen) == expected
    newest = key == "ordered_at"
    never = datetime.min.replace(tzinfo=UTC)
    keys = [(getattr(view, key) or never, view.id.bytes) for view in seen]
    assert keys == sorted(keys, reverse=newest)


async def test_a_store_with_all_of_the_newest_orders_fills_the_first_pages(world: World) -> None:
    await filled(world, 20)
    moved = "UPDATE orders SET ordered_at = '2026-03-01Z' WHERE purchase_order_id LIKE 'P1-%'"
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(moved)
        first, after = await queries.orders(connection, OrderFilter(), KeysetPage(15))
        second, _ = await queries.orders(connection, OrderFilter(), KeysetPage(15, after))
    numbers = [view.purchase_order_id for view in (*first, *second)]
    assert {number.startswith("P1-") for number in numbers[:20]} == {True}
    assert {number.startswith("P1-") for number in numbers[20:]} == {False}


async def test_pages_of_all_updates_show_each_once_newest_first(world: World) -> None:
    await filled(world, 20)
    seen, after = [], None
    for _ in itertools.count():
        async with world.database.read() as connection:
            views, after = await queries.updates(connection, UpdateFilter(), KeysetPage(7, after))
        seen += views
        if after is None:
            break
    keys = [(view.created_at, view.id.bytes) for view in seen]
    assert len(set(keys)) == 60
    assert keys == sorted(keys, reverse=True)


async def test_a_search_with_too_many_matches_says_so(
    world: World,
) -> None:
    store = await world.a_store()
    async with world.database.begin() as connection:
        values = {"store": store.store_id, "prefix": "BR-", "orders": order_search.MOST + 1}
        await connection.execute(_MANY, values)
    async with world.database.read() as connection:
        with pytest.raises(Invalid, match="Type more of it") as refused:
            await queries.orders(connection, OrderFilter(q="BR"), KeysetPage(5))
        assert refused.value.code == "search_too_broad"
        found, _ = await queries.orders(connection, OrderFilter(q="BR-100"), KeysetPage(50))
    assert {view.purchase_order_id for view in found} == {"BR-100", "BR-1000", "BR-1001"}


async def test_a_search_within_a_store_ignores_matches_of_others(world: World) -> None:
    small, large = await world.a_store(), await world.a_store()
    async with world.database.begin() as connection:
        for store, orders in ((small, 1), (large, order_search.MOST + 1)):
            values = {"store": store.store_id, "prefix": "BR-", "orders": orders}
            await connection.execute(_MANY, values)
    wanted = OrderFilter(store_id=small.store_id, q="BR")
    async with world.database.read() as connection:
        found, _ = await queries.orders(connection, wanted, KeysetPage(5))
    assert [view.store_id for view in found] == [small.id]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=3))
def test_texts_with_a_prefix_sort_before_its_upper_bound(text: str, more: str) -> None:
    behind = order_search.following(text)
    longest = (text + more).encode("utf-8", "ignore")
    assert longest >= text.encode()
    if behind is None:
        assert text.strip(chr(0x10FFFF)) == ""
    else:
        assert longest < behind.encode()
        assert not behind.startswith(text) or not text
