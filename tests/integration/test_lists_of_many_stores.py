"""What lists and counts of many stores read: much the same, however many orders each store has."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.domain.attention import LEAST_COUNTED, MOST_COUNTED
from app.storage import queries
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.queries import KeysetPage, OrderFilter, order_cards, order_lists, order_search
from tests.harness.databases import Server
from tests.integration.growth import Watched

STORES, EACH = 40, 120
NOW = datetime(2026, 11, 30, tzinfo=UTC)
# Each store has orders of every hour, of which each third failed and each fourth comes back.
_FILL = f"""
    SET session_replication_role = replica;
    INSERT INTO stores (id, code, name, market, walmart_client_id, walmart_client_secret)
    SELECT gen_random_uuid(), 'code' || n, 'n' || n, 'US', 'i' || n, ''
      FROM generate_series(1, {STORES}) n;
    INSERT INTO orders (store_id, id, purchase_order_id, status, fulfillment_status, ordered_at,
                        updated_at, ship_by)
    SELECT s, md5('o' || s || '-' || n)::uuid, 'P' || n,
           CASE n % 3 WHEN 0 THEN 'error' ELSE 'shipped' END,
           CASE n % 3 WHEN 0 THEN 'open' ELSE 'shipped' END, at, at, at
      FROM generate_series(1, {STORES}) s, generate_series(1, {EACH}) n,
           LATERAL (SELECT timestamptz '2026-01-01Z' + n * interval '1 hour' + s * interval '1 s' AS at) t;
    INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, state, last_error)
    SELECT store_id, id, purchase_order_id, id, 'shipment', 1, 'failed', jsonb_build_object('code',
           'walmart_rejected', 'message', 'No.', 'origin', 'walmart', 'field', null, 'suggestion',
           null, 'retryable', true) FROM orders WHERE status = 'error';
    INSERT INTO returns (store_id, id, return_order_id, customer_order_id, purchase_order_id, lines,
                         refunded)
    SELECT store_id, id, purchase_order_id, 'C', purchase_order_id, '[]', false
      FROM orders WHERE substr(purchase_order_id, 2)::int % 4 = 0;
    ANALYZE;
"""


@pytest.fixture(scope="module")
def filled(server: Server) -> Iterator[dict[str, Any]]:
    with server.fresh() as url:
        arguments = asyncpg_arguments(url)
        asyncio.run(_fill(arguments))
        yield arguments


async def _fill(arguments: dict[str, Any]) -> None:
    connection = await asyncpg.connect(**arguments)
    await connection.execute(_FILL)
    await connection.close()


@pytest.fixture
async def watched(filled: dict[str, Any]) -> AsyncIterator[Watched]:
    connection = await asyncpg.connect(**filled)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )
    yield Watched(connection, "force_generic_plan")
    await connection.close()


async def _summary(session: Any) -> None:
    counts = await queries.summary(session, None)
    cards = await queries.cards(session, None, counts, now=NOW, soon=timedelta(days=1))
    assert (cards.late.count, cards.late.at_least) == (order_cards.MOST, True)
    most = order_cards.MOST_CHECKED
    assert (cards.return_requested.count, cards.return_requested.at_least) == (most, True)
    # The oldest of all, not only of those that were counted.
    assert cards.late.time == datetime(2026, 1, 1, 3, 0, 1, tzinfo=UTC)


async def _attention(session: Any) -> None:
    found = await queries.attention(session, None)
    assert {(each.count, each.at_least) for each in found} == {(SHARE, True)}
    assert len(found) == STORES == await queries.attention_count(session, None)


async def _newest(session: Any) -> None:
    found, _ = await order_lists.order_keys(session, OrderFilter(), KeysetPage(PAGE))
    assert len(found) == PAGE


def _list(rows: int, **wanted: Any) -> Callable[[Any], Awaitable[Any]]:
    async def listed(session: Any) -> None:
        found, _ = await queries.orders(session, OrderFilter(**wanted), KeysetPage(rows))
        assert len(found) == rows

    return listed


# The cases of a cause that are counted where each store has a cause with many.
SHARE = MOST_COUNTED // STORES
# The rows of a store's few first, twice the page, and the rows of what is shown and examined.
PAGE = 200
A_PAGE = 3 * STORES + 2 * PAGE + STORES + 3 * PAGE
# More orders than a filter may find, which are counted and not looked up.
A_CHECKED_PAGE = order_search.MOST + 5 * STORES


@pytest.mark.parametrize(
    ("what", "most"),
    [
        (_newest, A_PAGE),
        (_list(20, return_requested=True), A_CHECKED_PAGE),
        (_list(20, sync=("error",)), A_CHECKED_PAGE),
        (_list(20, code="walmart_rejected"), A_CHECKED_PAGE),
        (_summary, order_cards.MOST + 5 * STORES),
        # A case and its order.
        (_attention, 2 * (LEAST_COUNTED + SHARE + 5) * STORES),
    ],
    ids=["newest", "returns", "errors", "code", "summary", "attention"],
)
async def test_a_read_of_many_stores_reads_little_of_each(
    watched: Watched, what: Callable[[Any], Awaitable[Any]], most: int
) -> None:
    await what(watched)
    read, plan = max(watched.read)
    assert read <= most < STORES * EACH, plan
