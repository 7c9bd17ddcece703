"""GET /v1/health: who may read it, and which spans it has."""

import httpx
import pytest
from fastapi import FastAPI

from tests.harness.world import World
from tests.integration.web.conftest import client_of
from tests.integration.web.test_contract import a_key


async def test_a_new_store_has_no_deliveries_and_nothing_that_waits(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    found = (await client.get("/v1/health")).json()
    assert found["deliveries"] == {
        "confirmed": 0,
        "first_try": 0,
        "after_retry": 0,
        "failed": 0,
        "p50_seconds": None,
        "p99_seconds": None,
    }
    assert found["backlog"] == {"waiting": 0, "oldest_at": None, "failed": 0}
    assert [each["id"] for each in found["stores"]] == [str(store.id)]
    assert {lane["state"] for lane in found["stores"][0]["lanes"]} == {"free"}
    assert found["stores"][0]["reading"] is found["stores"][0]["comparison"] is None


async def test_a_poller_that_only_its_lease_shows_is_counted(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(1)
    body = {"carrier_code": "ups", "tracking_number": "1ZA"}
    (await client.post(f"/v1/orders/{order.id}/shipments", json=body)).raise_for_status()
    assert (await client.get("/v1/health")).json()["pollers"] == 0
    await world.database.direct.fetch(
        "UPDATE updates SET state = 'sending', lease_token = gen_random_uuid(), leased_by = 'x',"
        " leased_until = now() + interval '90 s' WHERE kind = 'shipment'"
    )
    assert (await client.get("/v1/health")).json()["pollers"] == 1


@pytest.mark.parametrize(
    ("query", "steps"),
    [("hours=24", 48), ("hours=1", 2), ("hours=1&step=5m", 12), ("hours=2160&step=1d", 90)],
)
async def test_a_span_has_all_of_its_steps(
    client: httpx.AsyncClient, query: str, steps: int
) -> None:
    assert len((await client.get(f"/v1/health?{query}")).json()["series"]) == steps


@pytest.mark.parametrize(
    "query", ["hours=0", "hours=2161", "step=7", "hours=x", "since=1", "step=5m&hours=361"]
)
async def test_a_span_beyond_the_limits_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/v1/health?{query}")).status_code == 422


async def test_a_key_of_a_store_sees_that_store_only(world: World, app: FastAPI) -> None:
    mine, other = await world.a_store(), await world.a_store()
    async with client_of(app, await a_key(world, "read", store=mine)) as limited_to_mine:
        found = (await limited_to_mine.get("/v1/health")).json()
        assert [each["id"] for each in found["stores"]] == [str(mine.id)]
        answer = await limited_to_mine.get(f"/v1/health?store_id={other.id}")
        assert answer.status_code == 404
    async with client_of(app, None) as stranger:
        assert (await stranger.get("/v1/health")).status_code == 401
