"""Acts on many orders and updates: by their ids at once, by a filter as a job of the pollers."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.domain.update import State
from app.storage import jobs
from app.storage.queries.views import OrderView
from app.storage.removal import expired
from app.usecases.job_batches import run
from app.usecases.orders import ship
from app.worker.maintenance.bulk_jobs import run_jobs
from tests.builders import a_package
from tests.harness.pollers import BREAKER
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World
from tests.integration.web.conftest import client_of
from tests.integration.web.test_contract import a_key
from tests.integration.web.test_retry import a_failed_shipment

FAILED = "UPDATE updates SET state = 'failed', active = false, attempts = 1, last_error = $1::jsonb"
ERROR = {
    "code": "c",
    "origin": "walmart",
    "message": "m",
    "field": None,
    "suggestion": None,
    "retryable": False,
}


async def failed_shipments(world: World, count: int) -> list[OrderView]:
    """Orders with a failed shipment each, without a delivery."""
    orders: list[OrderView] = []
    while len(orders) < count:
        few = min(count - len(orders), 6)
        orders += await asyncio.gather(*(an_order(world) for _ in range(few)))
    for number, order in enumerate(orders):
        await ship.ship(world.context, order.id, a_package(f"1Z{number}"), actor=ACTOR)
    await world.database.direct.fetch(f"{FAILED} WHERE kind = 'shipment'", ERROR)
    await world.database.direct.fetch("UPDATE orders SET status = 'error'")
    await world.database.direct.fetch(
        "UPDATE updates SET active = false, state = 'confirmed', "
        "finished_at = now() WHERE kind = 'acknowledgement'"
    )
    return orders


async def an_order(world: World) -> OrderView:
    return await world.an_order(1, status="Acknowledged")


async def finished(world: World, client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    """The job after the batches that it needs."""
    async with limited():
        while await run_jobs(world.context, BREAKER):
            pass
    found: dict[str, Any] = (await client.get(f"/v1/jobs/{job['id']}")).json()
    return found


async def post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def retries(world: World) -> int:
    """How many entries of timelines say that an update was retried."""
    rows = await world.database.direct.fetch(
        "SELECT count(*) FROM events WHERE what = 'update_retried'"
    )
    count: int = rows[0]["count"]
    return count


@pytest.fixture(autouse=True)
async def a_first_store(world: World) -> None:
    await world.a_store()


async def test_a_job_retries_all_that_match_in_batches_and_counts_them(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH", 3)
    orders = await failed_shipments(world, 8)
    await world.shipped_by_hand(orders[0], 1, "1Z0")
    made = await client.post("/v1/jobs", json={"kind": "retry", "updates": {"code": "c"}})
    assert made.status_code == 202
    assert (made.json()["state"], made.json()["total"]) == ("queued", None)
    assert made.headers["Location"] == f"/v1/jobs/{made.json()['id']}"
    job = await finished(world, client, made.json())
    assert (job["state"], job["total"], job["done"]) == ("finished", 8, 8)
    assert (job["succeeded"], job["refused"], job["skipped"]) == (8, 0, 0)
    assert {each["result"]: each["count"] for each in job["results"]} == {
        "queued": 7,
        "already_applied": 1,
    }
    assert job["finished_at"] is not None


async def test_a_poller_begins_a_job_by_itself(world: World, client: httpx.AsyncClient) -> None:
    (order,) = await failed_shipments(world, 1)
    await post(client, "/v1/jobs", {"kind": "retry", "updates": {}})
    shipped = (await client.get(f"/v1/orders/{order.id}")).json()["shipments"][0]
    (view,) = await world.deliver_until(UUID(shipped["update"]["id"]), states={State.CONFIRMED})
    assert view.state == "confirmed"


async def test_a_batch_that_broke_off_begins_again_and_acts_on_nothing_twice(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await failed_shipments(world, 6)
    job = await post(client, "/v1/jobs", {"kind": "retry", "updates": {}})

    async def lost(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        # The poller dies after its acts and before it writes them down.
        patched.setattr(jobs, "save", lost)
        patched.setattr(jobs, "hand_back", lost)
        with pytest.raises(asyncio.CancelledError):
            await run_jobs(world.context, BREAKER)
    assert await retries(world) == 6
    assert not await run_jobs(world.context, BREAKER)
    await world.database.direct.fetch("UPDATE jobs SET leased_until = now() - interval '1 second'")
    done = await finished(world, client, job)
    assert (done["state"], done["done"], done["succeeded"]) == ("finished", 6, 6)
    assert await retries(world) == 6


async def test_a_killed_poller_holds_a_job_for_less_than_a_minute_and_a_slow_one_keeps_it(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await failed_shipments(world, 1)
    await post(client, "/v1/jobs", {"kind": "retry", "updates": {}})
    monkeypatch.setattr(jobs, "RENEWED_EVERY", 0.01)
    lease = "SELECT leased_until - now() AS left, leased_until AS until FROM jobs"
    async with limited():
        async with world.database.begin() as other:
            # The batch waits for this row.
            await other.execute(sa.text("SELECT FROM updates WHERE state = 'failed' FOR UPDATE"))
            working = asyncio.create_task(run_jobs(world.context, BREAKER))
            first = None
            while first is None:
                (row,) = await world.database.direct.fetch(lease)
                first = row["until"]
            assert row["left"] < timedelta(minutes=1)
            while (await world.database.direct.fetch(lease))[0]["until"] <= first:
                await asyncio.sleep(0.01)
        await working
    (row,) = await world.database.direct.fetch("SELECT state, lease_token FROM jobs")
    assert (row["state"], row["lease_token"]) == ("finished", None)


async def test_a_poller_that_lost_its_lease_writes_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    await failed_shipments(world, 1)
    await post(client, "/v1/jobs", {"kind": "retry", "updates": {}})
    first = await jobs.take(world.database)
    assert first is not None
    await world.database.direct.fetch("UPDATE jobs SET leased_until = now() - interval '1 second'")
    second = await jobs.take(world.database)
    assert second is not None
    async with world.context.transaction() as connection:
        assert not await jobs.save(connection, first, jobs.BatchDone(done=1))
        assert await jobs.save(connection, second, jobs.BatchDone(done=1))


async def test_an_error_in_waybill_ends_a_job_after_some_tries_and_says_so(
    world: World, client: httpx.AsyncClient
) -> None:
    job = await post(client, "/v1/jobs", {"kind": "retry", "updates": {}})
    await world.database.direct.fetch("""UPDATE jobs SET selection = '{"updates": 1}'""")
    for _ in range(jobs.MOST_TRIES):
        await world.database.direct.fetch("UPDATE jobs SET due_at = now()")
        assert await run_jobs(world.context, BREAKER)
    found = (await client.get(f"/v1/jobs/{job['id']}")).json()
    assert found["state"] == "failed"
    assert "logged" in found["error"]


async def test_a_job_of_orders_acts_on_their_failed_updates_and_skips_the_others(
    world: World, client: httpx.AsyncClient
) -> None:
    await failed_shipments(world, 2)
    await an_order(world)
    body = {"kind": "dismiss", "orders": {}, "note": "Done by hand."}
    job = await finished(world, client, await post(client, "/v1/jobs", body))
    assert (job["total"], job["succeeded"], job["skipped"]) == (3, 2, 1)
    assert {each["result"]: each["count"] for each in job["results"]} == {
        "absent": 2,
        "nothing_to_do": 1,
    }
    listed = (await client.get("/v1/updates?state=dismissed")).json()["data"]
    assert [each["note"] for each in listed] == ["Done by hand."] * 2
    # Each act names the request that made the job.
    acts = await world.database.direct.fetch(
        "SELECT what, actor, api_key, address, request_id FROM audit ORDER BY at, id"
    )
    made, *done = (tuple(row.values()) for row in acts if row["what"] != "store_created")
    assert made[0] == "job_created"
    assert None not in made
    assert done == [("update_dismissed", *made[1:])] * 2


async def test_a_job_refreshes_the_orders_that_match(
    world: World, client: httpx.AsyncClient
) -> None:
    order, other = await an_order(world), await an_order(world)
    await world.shipped_by_hand(order, 1, "1ZH")
    body = {"kind": "refresh", "orders": {"status": ["open"]}}
    job = await finished(world, client, await post(client, "/v1/jobs", body))
    assert (job["total"], job["succeeded"]) == (2, 2)
    states = {
        (await client.get(f"/v1/orders/{each.id}")).json()["status"] for each in (order, other)
    }
    assert states == {"open", "shipped"}


async def test_a_paused_walmart_delays_a_refresh_and_stops_no_retry(
    world: World, client: httpx.AsyncClient
) -> None:
    await failed_shipments(world, 2)
    await world.database.direct.fetch(
        "INSERT INTO lanes (store_id, endpoint, paused_until, reason) "
        "SELECT store_id, 'read_order', now() + interval '30 seconds', 'throttled' FROM stores "
        "ON CONFLICT (store_id, endpoint) DO UPDATE SET paused_until = excluded.paused_until"
    )
    retry = await finished(
        world, client, await post(client, "/v1/jobs", {"kind": "retry", "updates": {}})
    )
    assert (retry["state"], retry["succeeded"]) == ("finished", 2)
    job = await post(client, "/v1/jobs", {"kind": "refresh", "orders": {}})
    waiting = await finished(world, client, job)
    assert (waiting["state"], waiting["done"]) == ("running", 0)
    await world.database.direct.fetch("UPDATE lanes SET paused_until = now()")
    await world.database.direct.fetch("UPDATE jobs SET due_at = now()")
    assert (await finished(world, client, job))["succeeded"] == 2


async def test_a_job_is_made_once_for_a_key(world: World, client: httpx.AsyncClient) -> None:
    body = {"kind": "retry", "updates": {}}
    first, second = [
        await client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "k"}) for _ in "ab"
    ]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.json() == second.json()
    assert len(await world.database.direct.fetch("SELECT id FROM jobs")) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "retry"},
        {"kind": "retry", "updates": {}, "orders": {}},
        {"kind": "refresh", "updates": {}},
        {"kind": "dismiss", "updates": {}},
        {"kind": "retry", "updates": {"state": "confirmed"}},
        {"kind": "ship", "orders": {}},
        {"kind": "retry", "orders": {"limit": 3}},
    ],
)
async def test_an_incomplete_job_is_refused(
    world: World, client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    assert (await client.post("/v1/jobs", json=body)).status_code == 422
    assert await world.database.direct.fetch("SELECT id FROM jobs") == []


async def test_a_key_of_a_store_acts_on_its_store_and_sees_no_other_job(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    (mine,) = await failed_shipments(world, 1)
    other = await world.a_store()
    foreign = await world.an_order(1, store=other)
    await ship.ship(world.context, foreign.id, a_package("1ZF"), actor=ACTOR)
    await world.database.direct.fetch(f"{FAILED} WHERE kind = 'shipment'", ERROR)
    secret = await a_key(world, "write", store=other)
    async with client_of(app, secret) as shop:
        everyones = await post(client, "/v1/jobs", {"kind": "retry", "updates": {}})
        assert (await shop.get(f"/v1/jobs/{everyones['id']}")).status_code == 404
        await world.database.direct.fetch("DELETE FROM jobs")
        foreign_requests: list[tuple[str, dict[str, Any]]] = [
            ("/v1/jobs", {"kind": "retry", "updates": {"store_id": str(mine.store_id)}}),
            ("/v1/jobs", {"kind": "retry", "updates": {"order_id": str(mine.id)}}),
            ("/v1/jobs", {"kind": "retry", "orders": {"store_id": str(mine.store_id)}}),
            ("/v1/updates/retry", {"order_ids": [str(mine.id)]}),
            ("/v1/updates/dismiss", {"order_ids": [str(mine.id)], "note": "n"}),
            ("/v1/orders/refresh", {"order_ids": [str(foreign.id), str(mine.id)]}),
        ]
        for path, body in foreign_requests:
            assert (await shop.post(path, json=body)).status_code == 404
        job = await finished(
            world, shop, await post(shop, "/v1/jobs", {"kind": "retry", "updates": {}})
        )
    assert (job["total"], job["succeeded"]) == (1, 1)
    assert job["results"][0]["ids"] != []
    states = await world.database.direct.fetch(
        "SELECT store_id, state FROM updates WHERE kind = 'shipment' ORDER BY store_id"
    )
    assert [row["state"] for row in states] == ["failed", "verifying"]


async def test_named_updates_and_orders_are_retried_at_once(
    world: World, client: httpx.AsyncClient
) -> None:
    first, second, third = await failed_shipments(world, 3)
    update = (await client.get(f"/v1/orders/{first.id}")).json()["shipments"][0]["update"]["id"]
    await world.shipped_by_hand(second, 1, "1Z1")
    body = {"update_ids": [update], "order_ids": [str(first.id), str(second.id)]}
    answer = await post(client, "/v1/updates/retry", body)
    results = {(each["order_id"], each["will"]) for each in answer["data"]}
    assert results == {(str(first.id), "queued"), (str(second.id), "already_applied")}
    assert answer["more"] is False
    untouched = (await client.get(f"/v1/orders/{third.id}")).json()
    assert untouched["shipments"][0]["state"] == "failed"


async def test_named_updates_are_dismissed_each_with_what_walmart_shows(
    world: World, client: httpx.AsyncClient
) -> None:
    order, update = await a_failed_shipment(world)
    await world.shipped_by_hand(order, 1, "1ZA")
    _, other = await a_failed_shipment(world, "1ZB")
    body = {"update_ids": [str(update), str(other)], "note": "By hand."}
    answer = await post(client, "/v1/updates/dismiss", body)
    assert [each["walmart"] for each in answer["data"]] == ["shipped", "absent"]
    again = await post(client, "/v1/updates/dismiss", body)
    assert again["totals"] == {"update_finished": 2}


async def test_named_orders_are_read_from_walmart(world: World, client: httpx.AsyncClient) -> None:
    order, other = await an_order(world), await an_order(world)
    await world.shipped_by_hand(order, 1, "1ZH")
    body = {"order_ids": [str(order.id), str(other.id), str(order.id)]}
    answer = await post(client, "/v1/orders/refresh", body)
    assert answer["totals"] == {"refreshed": 2}
    assert (await client.get(f"/v1/orders/{order.id}")).json()["status"] == "shipped"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/updates/retry", {"update_ids": []}),
        ("/v1/updates/retry", {"update_ids": [str(UUID(int=1))] * 201}),
        (
            "/v1/updates/retry",
            {"update_ids": [str(UUID(int=1))] * 101, "order_ids": [str(UUID(int=1))] * 100},
        ),
        ("/v1/updates/retry", {"update_ids": [str(UUID(int=1))], "code": "c"}),
        ("/v1/updates/dismiss", {"note": "n"}),
        ("/v1/updates/dismiss", {"update_ids": [str(UUID(int=1))]}),
        ("/v1/orders/refresh", {"order_ids": [str(UUID(int=1))] * 201}),
    ],
)
async def test_a_selection_beyond_the_limit_or_without_a_note_is_refused(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    assert (await client.post(path, json=body)).status_code == 422


async def test_a_job_that_would_act_on_too_many_fails_and_acts_on_none(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.usecases.jobs.selection.MOST", 2)
    await failed_shipments(world, 3)
    job = await finished(
        world, client, await post(client, "/v1/jobs", {"kind": "retry", "updates": {}})
    )
    assert (job["state"], job["error"]) == ("failed", "More than 2 match.")
    assert await retries(world) == 0


async def test_old_jobs_are_deleted(world: World, client: httpx.AsyncClient) -> None:
    job = await post(client, "/v1/jobs", {"kind": "retry", "updates": {}})
    await finished(world, client, job)
    assert await expired.JOBS.remove(world.database, 30) == 0
    await world.database.direct.fetch("UPDATE jobs SET finished_at = now() - interval '31 days'")
    assert await expired.JOBS.remove(world.database, 30) == 1
    assert (await client.get(f"/v1/jobs/{job['id']}")).json()["code"] == "job_not_found"
