"""kill -9 at every step: nothing is lost, nothing happens twice, nothing is misreported."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from app.storage.postgres.dsn import asyncpg_arguments
from tests.acceptance.judge import Verdict, at_rest, judge, passed, watched, write_row
from tests.acceptance.proxy import proxied
from tests.forked import deployed
from tests.harness.waiting import LIMIT
from tests.processes import (
    Deployment,
    a_store,
    an_order,
    calls,
    ledger,
    shipped_orders,
    simulator,
    until,
)
from tests.tls import TLS

PO = 1_796_330_500_000
Step = Callable[[Deployment, str, str], Awaitable[None]]
# All shipments have failed, as if Walmart had refused them.
FAILED = """
    UPDATE orders SET status = 'error';
    UPDATE updates SET state = 'failed', active = false, attempts = 1, last_error = jsonb_build_object(
      'code', 'c', 'origin', 'walmart', 'message', 'm', 'field', null, 'suggestion', null,
      'retryable', false) WHERE kind = 'shipment';
"""
LAST = (
    "kind = 'shipment' AND id = (SELECT max(id::text)::uuid FROM updates WHERE kind = 'shipment')"
)


@pytest.fixture
def deployment(fresh_url: str, tmp_path: Path) -> Iterator[Deployment]:
    with deployed(fresh_url, tmp_path, pollers=0) as running:
        yield running


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        yield connection
    finally:
        await connection.close()


async def eventually(question: Any) -> None:
    deadline, pause = time.monotonic() + LIMIT, 0.02
    while not await question():
        assert time.monotonic() < deadline
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, 0.1)


async def state_is(url: str, po: str, state: str) -> None:
    async with connected(url) as session:

        async def asked() -> bool:
            shipment = "SELECT state FROM updates WHERE kind = 'shipment' AND subject = $1"
            return bool(await session.fetchval(shipment, po) == state)

        await eventually(asked)


async def waits_for_a_lock(url: str) -> None:
    async with connected(url) as session:

        async def asked() -> bool:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return bool(await session.fetchval(f"{waiting} AND datname = current_database()"))

        await eventually(asked)


async def tried_to_claim(url: str) -> None:
    """Wait until a poller has tried to claim; a locked store does not make it wait."""
    async with connected(url) as session:

        async def asked() -> bool:
            tried = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%WITH passed AS %'"
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            return bool(await session.fetchval(f"{tried} AND {others}"))

        await eventually(asked)


async def shipping_calls(deployment: Deployment, po: str, *, answered: bool) -> None:
    async def asked() -> bool:
        made = await asyncio.to_thread(calls, deployment, "shipping")
        mine = [call for call in made if call["purchase_order_id"] == po]
        return any(not answered or call["status"] is not None for call in mine)

    await eventually(asked)


async def before_claim(deployment: Deployment, url: str, po: str) -> None:
    async with connected(url) as session, session.transaction():
        await session.execute("SELECT * FROM lanes FOR UPDATE")
        deployment.start(f"victim-{po}", "poller")
        await tried_to_claim(url)
        deployment.kill(f"victim-{po}")


async def after_claim(deployment: Deployment, url: str, po: str) -> None:
    simulator(deployment, "faults", operation="token", kind="timeout", times=None)
    deployment.start(f"victim-{po}", "poller")
    await state_is(url, po, "sending")
    deployment.kill(f"victim-{po}")


def after_send(kind: str) -> Step:
    async def step(deployment: Deployment, _: str, po: str) -> None:
        simulator(deployment, "faults", operation="shipping", kind=kind, times=1, delay=0.7)
        deployment.start(f"victim-{po}", "poller")
        await shipping_calls(deployment, po, answered=False)
        deployment.kill(f"victim-{po}")

    return step


async def after_answer(deployment: Deployment, url: str, po: str) -> None:
    async with connected(url) as session, session.transaction():
        await session.execute("SELECT * FROM orders FOR UPDATE")
        deployment.start(f"victim-{po}", "poller")
        await shipping_calls(deployment, po, answered=True)
        await waits_for_a_lock(url)
        deployment.kill(f"victim-{po}")


async def after_record(deployment: Deployment, url: str, po: str) -> None:
    deployment.start(f"victim-{po}", "poller")
    await state_is(url, po, "confirmed")
    deployment.kill(f"victim-{po}")


STEPS = {
    "before the claim": before_claim,
    "after the claim, before anything is sent": after_claim,
    "after sending, before the answer; it had landed": after_send("timeout_after"),
    "after sending, before the answer; it had not landed": after_send("timeout"),
    "after sending, before the answer; it lands after the death": after_send("late"),
    "after the answer, before it is recorded": after_answer,
    "after it is recorded": after_record,
}


async def test_a_poller_killed_at_any_step_neither_loses_nor_doubles(
    deployment: Deployment, fresh_url: str
) -> None:
    with deployment.client() as client:
        # Each in its own store, so that none is affected by the previous one's pauses.
        for number, (name, step) in enumerate(STEPS.items()):
            verdict = await _killed(deployment, client, fresh_url, name, step, PO + number)
            assert verdict.clean, f"{name}: {passed(verdict)}"
            assert verdict.states == {"confirmed": 1}, name


async def _killed(
    deployment: Deployment, client: httpx.Client, url: str, name: str, step: Step, number: int
) -> Verdict:
    seller, po = f"seller-{number}", str(number)
    walmart = {"client_id": seller, "client_secret": "right"}
    store = await asyncio.to_thread(a_store, client, seller, walmart=walmart)
    orders = await asyncio.to_thread(shipped_orders, deployment, client, store, seller, 1, number)
    with watched(deployment, orders) as seen:
        await step(deployment, url, po)
        async with (
            connected(url) as session,
            httpx.AsyncClient(trust_env=False, verify=TLS) as walmart_,
        ):
            await walmart_.delete(f"{deployment.walmart}/simulator/faults")
            # The lease ends by the database's clock: it is ended here instead of waited for.
            ended = "UPDATE updates SET leased_until = now() WHERE state = 'sending'"
            held = (await session.execute(ended)).removeprefix("UPDATE ")
        deployment.start(f"second-{po}", "poller")
        await asyncio.to_thread(until, lambda: at_rest(client))
        await asyncio.to_thread(deployment.stop, f"second-{po}")
    verdict = judge(deployment, client, 1, orders)
    verdict.misreported += seen.misreported
    tries = [c for c in calls(deployment, "shipping") if c["purchase_order_id"] == po]
    taken = "was taken back after its lease" if held == "1" else "was not leased"
    write_row(
        f"kill -9 of a poller {name}",
        f"the update {taken}; {len(tries)} call(s) to ship, one effect; confirmed",
        verdict,
    )
    return verdict


async def test_a_job_of_a_killed_poller_goes_on_with_another_and_acts_on_nothing_twice(
    deployment: Deployment, fresh_url: str
) -> None:
    count, first = 6, PO + 900
    retried = "SELECT count(*) FROM events WHERE what = 'update_retried'"
    with deployment.client() as client:
        store = a_store(client)
        shipped_orders(deployment, client, store, "seller-1", count, first)
        async with connected(fresh_url) as session:
            await session.execute(FAILED)
            asked = client.post("/v1/jobs", json={"kind": "retry", "updates": {}})
            assert asked.status_code == 202, asked.text
            async with session.transaction():
                # The job waits for the last one when its poller is killed.
                await session.execute(f"SELECT FROM updates WHERE {LAST} FOR UPDATE")
                deployment.start("victim", "poller")
                async with connected(fresh_url) as other:

                    async def nearly_all() -> bool:
                        return bool(await other.fetchval(retried) == count - 1)

                    await eventually(nearly_all)
                await waits_for_a_lock(fresh_url)
                deployment.kill("victim")
            # Its lease is ended instead of waited for.
            ended = "UPDATE jobs SET leased_until = now() WHERE leased_until > now()"
            assert await session.execute(ended) == "UPDATE 1"
            deployment.start("successor", "poller")
            path = asked.headers["Location"]
            until(lambda: client.get(path).json()["state"] == "finished")
            job = client.get(path).json()
            assert (job["done"], job["succeeded"], job["refused"]) == (count, count, 0)
            until(lambda: at_rest(client))
            assert await session.fetchval(retried) == count
        shipped = [each for each in ledger(deployment) if each["operation"] == "shipping"]
        assert len(shipped) == count


async def test_an_api_killed_between_commit_and_answer_repeats_the_first_result(
    fresh_url: str, tmp_path: Path
) -> None:
    parts = urlsplit(fresh_url)
    folder = Path(parse_qs(parts.query)["host"][0])
    async with proxied(folder / ".s.PGSQL.5432") as proxy:
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}{parts.path}"
        # In a thread, because the proxy needs this event loop while the processes start and stop.
        processes = deployed(url, tmp_path, pollers=0)
        started = await asyncio.to_thread(processes.__enter__)
        try:
            await _killed_between(started, proxy, fresh_url)
        finally:
            await asyncio.to_thread(processes.__exit__, None, None, None)


async def _killed_between(deployment: Deployment, proxy: Any, url: str) -> None:
    def place_order() -> dict[str, Any]:
        with deployment.client() as client:
            return an_order(deployment, client, a_store(client), str(PO), 2)

    order = await asyncio.to_thread(place_order)
    path = f"/v1/orders/{order['id']}/shipments"
    body = {
        "carrier_code": "ups",
        "tracking_number": "1ZONCE",
        "items": [{"line_number": "1", "quantity": 1}],
    }
    headers = {"Idempotency-Key": "the-same"}
    async with deployment.async_client() as commerce:
        proxy.armed = b"1ZONCE"
        asking = asyncio.create_task(commerce.post(path, json=body, headers=headers))
        await asyncio.wait_for(proxy.held.wait(), LIMIT)
        async with connected(url) as session:

            async def committed() -> bool:
                return bool(await session.fetchval("SELECT count(*) FROM shipments") == 1)

            await eventually(committed)
            first = await session.fetchval("SELECT id FROM shipments")
        await asyncio.to_thread(deployment.kill, "api")
        with pytest.raises(httpx.TransportError):
            await asking
    port = deployment.api.rpartition(":")[2]
    deployment.start("api", "serve", "--no-poller", "--port", port)
    await asyncio.to_thread(deployment.wait_for, f"{deployment.api}/readyz", "api")
    deployment.start("poller", "poller")

    def repeat() -> None:
        with deployment.client() as client:
            again = client.post(path, json=body, headers=headers)
            assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
            assert again.json()["id"] == str(first)
            until(lambda: at_rest(client))
            verdict = judge(deployment, client, 1)
            write_row(
                "kill -9 of the API between COMMIT and its answer",
                "the client's repeat with the same key got the first result",
                verdict,
            )
            assert verdict.clean, passed(verdict)
            assert len([e for e in ledger(deployment) if e["operation"] == "shipping"]) == 1

    await asyncio.to_thread(repeat)
