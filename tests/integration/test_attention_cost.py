"""What needs action is found without reading what does not."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from app.domain.attention import MOST_COUNTED
from app.storage import queries
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.queries import KeysetPage
from tests.harness.databases import Server
from tests.integration.growth import MANY, Watched, grow

STORE = 2
# A row of a member and that of its order, for as many as are counted; and the few others.
COUNTED = 2 * MOST_COUNTED + 500
PAGE = 200


@pytest.fixture(scope="module", params=[True, False], ids=["analyzed", "not analyzed"])
def grown(request: pytest.FixtureRequest, server: Server) -> Iterator[dict[str, Any]]:
    """Connection arguments of a large database; no test writes to it."""
    with server.fresh() as url:
        arguments = asyncpg_arguments(url)
        asyncio.run(grow(arguments, known=request.param))
        yield arguments


@pytest.fixture
async def sessions(grown: dict[str, Any]) -> AsyncIterator[list[Watched]]:
    connection = await asyncpg.connect(**grown)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )
    plans = ("force_generic_plan", "force_custom_plan")
    yield [Watched(connection, planned) for planned in plans]
    await connection.close()


@pytest.mark.parametrize("store_id", [STORE, None], ids=["one store", "all stores"])
async def test_groups_are_counted_without_reading_more_than_is_counted(
    sessions: list[Watched], store_id: int | None
) -> None:
    for session in sessions:
        found = await queries.attention(session, store_id)
        many = max(found, key=lambda group: group.count)
        assert (many.count, many.at_least) == (MOST_COUNTED, True)
        for read, plan in session.read:
            assert read < COUNTED < MANY, plan


async def test_a_page_of_members_reads_no_other_members(sessions: list[Watched]) -> None:
    for session in sessions:
        found = await queries.attention(session, STORE)
        many = max(found, key=lambda group: group.count)
        known = await queries.attention_cause(session, STORE, many.id)
        assert known is not None
        after = None
        for _ in range(3):
            session.read.clear()
            shown, after = await queries.attention_members(session, known[0], KeysetPage(10, after))
            assert len(shown) == 10
            ((read, plan),) = session.read
            assert read < PAGE, plan


@pytest.mark.parametrize("store_id", [STORE, None], ids=["one store", "all stores"])
async def test_cards_of_returns_read_no_more_than_they_count(
    sessions: list[Watched], store_id: int | None
) -> None:
    for session in sessions:
        cards = await queries.return_cards(session, store_id)
        assert (cards.refunded.count, cards.refunded.at_least) == (MOST_COUNTED, True)
        ((read, plan),) = session.read
        assert read < COUNTED < MANY, plan
