"""Streams of hints: what changed comes, of one's own store only, for as long as the key works."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.domain.update import State
from app.storage.stores import api_keys
from app.usecases.orders import ship
from app.web import live
from app.web.live import LiveHints
from app.web.problems import Unauthorized
from tests.builders import a_package
from tests.harness.server import serving
from tests.harness.waiting import LIMIT, limited
from tests.harness.world import ACTOR, World
from tests.integration.web.conftest import ADMIN_KEY
from tests.integration.web.test_contract import a_key
from tests.tls import TLS


@dataclass(slots=True)
class Stream:
    """The events of a stream, read as they come."""

    lines: AsyncIterator[str]
    events: list[tuple[str, Any]] = field(default_factory=list)

    async def next(self, wanted: str) -> Any:
        """The data of the next event of a kind."""
        name = ""
        async with limited():
            async for line in self.lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name == wanted:
                    return json.loads(line.removeprefix("data: "))
        raise EOFError

    async def ended(self) -> None:
        """Wait for the end of the stream."""
        async with limited():
            async for _ in self.lines:
                pass


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as url:
        yield url


@asynccontextmanager
async def listening(address: str, key: str = ADMIN_KEY, query: str = "") -> AsyncIterator[Stream]:
    """A stream that has begun."""
    headers = {"Authorization": f"Bearer {key}"}
    client = httpx.AsyncClient(base_url=address, headers=headers, timeout=LIMIT, verify=TLS)
    async with client, client.stream("GET", f"/v1/events{query}") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer.aiter_lines())
        await stream.next("alive")
        yield stream


async def test_a_change_comes_as_a_hint_with_the_counts(world: World, address: str) -> None:
    order = await world.an_order(1)
    async with listening(address) as stream:
        # An order that is new to the stream.
        assert (await stream.next("changes"))["orders"] == [str(order.id)]
        await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
        hint = await stream.next("changes")
        assert hint == {"orders": [str(order.id)], "counts": {"open": 1}}


async def test_a_delivery_that_is_tried_again_comes_as_a_hint(world: World, address: str) -> None:
    order = await world.an_order(1, status="Acknowledged")
    async with listening(address) as stream:
        await stream.next("changes")
        await world.fault("shipping", "throttle", delay=60)
        shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
        await stream.next("changes")
        await world.deliver_until(shipped.shipment.update.id, states={State.RETRYING})
        assert (await stream.next("changes"))["orders"] == [str(order.id)]


async def test_a_stream_has_the_orders_of_its_store_only(world: World, address: str) -> None:
    mine, other = await world.a_store(), await world.a_store()
    key = await a_key(world, "read", store=mine)
    async with (
        listening(address, key) as of_key,
        listening(address, query=f"?store_id={mine.id}") as of_store,
        listening(address) as of_all,
    ):
        foreign = await world.an_order(1, store=other)
        assert (await of_all.next("changes"))["orders"] == [str(foreign.id)]
        own = await world.an_order(1, store=mine)
        for stream in (of_key, of_store):
            hint = await stream.next("changes")
            assert hint == {"orders": [str(own.id)], "counts": {"open": 1}}


async def test_a_foreign_store_is_not_found(world: World, client: httpx.AsyncClient) -> None:
    mine, other = await world.a_store(), await world.a_store()
    key = await a_key(world, "read", store=mine)
    headers = {"Authorization": f"Bearer {key}"}
    answer = await client.get(f"/v1/events?store_id={other.id}", headers=headers)
    assert answer.status_code == 404


async def test_a_stream_ends_soon_after_its_key_was_revoked(world: World, address: str) -> None:
    key = await a_key(world, "read")
    async with listening(address, key) as stream, listening(address) as other:
        async with world.context.transaction() as connection:
            (found,) = await api_keys.list_keys(connection)
            await api_keys.revoke(connection, found.name)
        await stream.ended()
        await other.next("alive")


async def test_the_streams_of_a_key_ask_together_whether_it_works(app: FastAPI) -> None:
    hints: LiveHints = app.state.live
    asked = []

    async def check(key: str) -> None:
        asked.append(key)
        await asyncio.sleep(0)
        if key == "revoked":
            raise Unauthorized

    for key, works in (("good", True), ("revoked", False)):
        answers = [hints._may(key, partial(check, key)) for _ in range(20)]
        assert set(await asyncio.gather(*answers)) == {works}
    assert asked == ["good", "revoked"]


async def test_streams_end_at_once_when_the_process_stops(app: FastAPI, address: str) -> None:
    hints: LiveHints = app.state.live
    async with listening(address) as stream, listening(address) as other:
        hints.stopping.set()
        await stream.ended()
        await other.ended()
    assert hints.listeners == set()


async def test_the_database_is_asked_only_while_somebody_listens(
    app: FastAPI, address: str
) -> None:
    hints: LiveHints = app.state.live
    assert hints._reading is None
    async with listening(address):
        reading = hints._reading
        assert reading is not None
    async with limited():
        await reading
    assert hints.listeners == set()


async def test_more_streams_than_a_process_may_have_are_refused(
    client: httpx.AsyncClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    async with listening(address):
        answer = await client.get("/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (503, "too_many_streams")
    assert answer.headers["Retry-After"]


async def test_one_key_has_only_so_many_streams_and_another_has_its_own(
    world: World, client: httpx.AsyncClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE", 1)
    other = await a_key(world, "read")
    async with listening(address), listening(address, other):
        answer = await client.get("/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (503, "too_many_streams")
    async with listening(address):
        pass


async def test_a_hint_of_very_many_orders_names_none(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_MOST_IDS", 2)
    store = await world.a_store()
    async with listening(address) as stream:
        await asyncio.gather(*(world.an_order(1, store=store) for _ in range(3)))
        await world.database.direct.fetch("UPDATE orders SET updated_at = now()")
        hint = await stream.next("changes")
        while hint["orders"] is not None:
            hint = await stream.next("changes")
        assert hint["counts"] == {"open": 3}
