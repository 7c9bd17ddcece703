"""Every filter of orders with every other and every sort: the right orders, each once, in order."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.storage import queries
from app.storage.queries import KeysetPage, OrderFilter, OrderSort, order_candidates, order_lists
from tests.harness.world import World
from tests.integration import plain_orders

NOW = datetime.now(UTC)
# Orders of three stores, in which every filter finds some, also together with another.
_ORDERS = sa.text("""
    INSERT INTO orders (store_id, id, purchase_order_id, status, fulfillment_status, ordered_at,
                        updated_at, ship_by, ship_method, fulfilled_by, cancel_requested,
                        ship_by_warned_at, commerce_open, import_error, commerce_order_number)
    SELECT :store, ('01a20a61-4a87-7d0f-8311-' || lpad(to_hex(n), 4, '0')
                    || lpad(to_hex(CAST(:store AS int)), 8, '0'))::uuid, 'P' || n,
           CASE WHEN n % 5 = 0 THEN 'error' ELSE done END, done,
           CASE WHEN n % 7 > 0 THEN now() - make_interval(days => n % 6) END,
           now() - make_interval(hours => n % 8),
           CASE WHEN n % 11 > 0 THEN now() + make_interval(hours => n % 9 - 4) END,
           (ARRAY['Standard', 'Freight'])[1 + n % 2],
           CASE WHEN n % 3 = 0 THEN 'walmart' ELSE 'seller' END,
           CASE WHEN n % 4 = 1 THEN CAST('{"lines": ["1"], "seen_at": null}' AS jsonb) END,
           CASE WHEN n % 9 < 5 AND n % 11 > 0 THEN now() END,
           CASE WHEN n % 13 = 0 THEN 'refused' END,
           CASE WHEN n % 10 = 5 THEN jsonb_build_object('code', 'order_unreadable', 'message', 'No.',
             'suggestion', null, 'occurred_at', now()) END,
           CASE WHEN n % 2 = 0 THEN 'C' || n END
      FROM generate_series(1, :orders) n, LATERAL (
        SELECT (ARRAY['open', 'shipped', 'open', 'partially_shipped', 'canceled'])[1 + n % 5] AS done
      ) as_of
""")
_UPDATES = sa.text("""
    INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, state, last_error)
    SELECT store_id, gen_random_uuid(), purchase_order_id, id, 'shipment', n, state,
           CASE WHEN state IN ('failed', 'retrying') THEN jsonb_build_object(
             'code', CASE WHEN n = 1 THEN 'rare' ELSE 'needs_review' END, 'lines',
             CASE WHEN n = 2 THEN jsonb_build_array(jsonb_build_object('line_number', '1',
               'code', 'line_canceled', 'message', 'No.', 'suggestion', null)) END, 'message', 'No.', 'origin', 'walmart', 'field', null, 'suggestion', null,
             'retryable', false) END
      FROM orders CROSS JOIN generate_series(1, 2) n, LATERAL (SELECT (ARRAY['pending', 'confirmed',
        'retrying', 'failed', 'dismissed'])[1 + (substr(purchase_order_id, 2)::int / n) % 5] AS state
      ) as_of
""")
_RETURNS = sa.text("""
    INSERT INTO returns (store_id, id, return_order_id, customer_order_id, purchase_order_id, lines,
                         refunded, closed)
    SELECT store_id, id, purchase_order_id, 'x', purchase_order_id, '[]',
           substr(purchase_order_id, 2)::int % 6 = 0, substr(purchase_order_id, 2)::int % 8 = 0
      FROM orders WHERE substr(purchase_order_id, 2)::int % 2 = 0
""")
_EVENTS = sa.text("""
    INSERT INTO commerce_events (store_id, id, reference, about, commerce_order_id, order_id, told,
                                 state, code, message)
    SELECT store_id, id, purchase_order_id, 'shipment', 1, id, '{}', 'waiting', 'shipment_not_told',
           'No.' FROM orders WHERE substr(purchase_order_id, 2)::int % 17 = 0
""")
_FIELDS: dict[str, list[Any]] = {
    "statuses": [("error",), ("open", "shipped")],
    "q": ["P1"],
    "updated_since": [NOW - timedelta(hours=5)],
    "ship_before": [NOW + timedelta(hours=1)],
    "without_commerce_order": [True],
    "ordered_from": [NOW - timedelta(days=3, hours=1)],
    "ordered_to": [NOW - timedelta(days=1, hours=1)],
    "sync": [("error",), ("pending", "retrying")],
    "cancel_requested": [True],
    "return_requested": [True],
    "ship_method": ["Freight"],
    "fulfilled_by": ["walmart"],
    "code": ["rare", "line_canceled", "shipment_not_told", "order_unreadable", "ship_by_near"],
}


def _filters() -> Iterator[OrderFilter]:
    """Each filter with each sort, and each pair of filters with the next sort."""
    sorts = itertools.cycle((None, *OrderSort))
    for count in range(3):
        for names in itertools.combinations(_FIELDS, count):
            for values in itertools.product(*(_FIELDS[name] for name in names)):
                given = dict(zip(names, values, strict=True))
                for _ in range(1 if count > 1 else 5):
                    yield OrderFilter(**given, sort=next(sorts))


@pytest.fixture
async def filled(world: World) -> World:
    async with world.database.begin() as connection:
        for _ in range(3):
            store = await world.a_store()
            await connection.execute(_ORDERS, {"store": store.store_id, "orders": 40})
        for statement in (_UPDATES, _RETURNS, _EVENTS):
            await connection.execute(statement)
    return world


async def _pages(session: Any, wanted: OrderFilter, limit: int) -> list[UUID]:
    seen: list[UUID] = []
    after = None
    for _ in range(400):
        views, after = await queries.orders(session, wanted, KeysetPage(limit, after))
        assert len(views) <= limit
        seen += [view.id for view in views]
        if after is None:
            return seen
    raise AssertionError(f"the pages of {wanted} have no end")


@pytest.mark.parametrize("few", [True, False], ids=["few orders", "many orders"])
async def test_each_filter_lists_its_orders_once_and_in_order(
    filled: World, few: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not few:
        # As if every filter found too many orders to sort, and pages ended early.
        monkeypatch.setattr(order_candidates, "MOST", 0)
        monkeypatch.setattr(order_lists, "EXAMINED", 30)
    wrong = []
    async with filled.database.direct.reading() as session:
        for wanted in _filters():
            plain = await session.fetch(plain_orders.statement(wanted, 1000))
            if await _pages(session, wanted, 20) != [row["id"] for row in plain]:
                wrong.append(wanted)
    assert wrong == []


async def test_a_page_without_a_hit_continues_after_what_it_examined(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_lists, "EXAMINED", 20)
    wanted = OrderFilter(ship_method="By drone")
    async with filled.database.direct.reading() as session:
        views, after = await queries.orders(session, wanted, KeysetPage(5))
        assert (views, after is None) == ([], False)
        assert await _pages(session, wanted, 5) == []
