"""Faults without an answer, over real HTTP on 127.0.0.1."""

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from app.simulator.app import create_app
from tests.harness.waiting import LIMIT, limited
from tests.tls import TLS
from tests.unit.simulator.seller import PO, Clock, Seller, line

IMPATIENT = httpx.Timeout(LIMIT, read=0.3)


async def until(question: Callable[[], Any]) -> None:
    """Poll until the answer is true."""
    async with limited():
        while True:
            answer = question()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(app: Starlette, http: str) -> AsyncIterator[str]:
    """Serve on a free port, with one of uvicorn's two HTTP implementations."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=http, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve([listening]))
        await until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            app.state.closing.set()
            server.should_exit = True
            await running


class Sleep:
    """Sleeps until the test lets time pass."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()


@pytest.fixture
def sleep() -> Sleep:
    return Sleep()


@pytest.fixture(params=["h11", "httptools"])
async def seller(request: pytest.FixtureRequest, sleep: Sleep) -> AsyncIterator[Seller]:
    clock = Clock()
    app = create_app(now=clock, monotonic=clock, sleep=sleep)
    async with (
        serving(app, request.param) as url,
        httpx.AsyncClient(base_url=url, timeout=LIMIT, trust_env=False, verify=TLS) as http,
    ):
        someone = Seller(http, clock.ms)
        await someone.sign_in()
        await someone.ready(2)
        yield someone


async def ship(seller: Seller) -> httpx.Response:
    return await seller.ship(line("1", seller.package("1ZA")))


async def give_up(seller: Seller) -> None:
    """Ship without an answer, until the client's time-out."""
    seller.http.timeout = IMPATIENT
    with pytest.raises(httpx.ReadTimeout):
        await ship(seller)
    seller.http.timeout = LIMIT


@pytest.mark.parametrize(("kind", "applied"), [("drop", False), ("drop_after", True)])
async def test_a_dropped_connection_is_a_broken_answer_to_the_client(
    seller: Seller, kind: str, applied: bool
) -> None:
    await seller.fault("shipping", kind)
    with pytest.raises(httpx.RemoteProtocolError):
        await ship(seller)
    assert len(await seller.ledger()) == applied
    (call,) = await seller.calls(operation="shipping")
    assert (call["status"], call["fault"]) == (None, kind)
    assert (await ship(seller)).status_code == 200


@pytest.mark.parametrize(("kind", "applied"), [("timeout", False), ("timeout_after", True)])
async def test_silence_lasts_until_the_client_gives_up(
    seller: Seller, kind: str, applied: bool
) -> None:
    await seller.fault("shipping", kind)
    await give_up(seller)
    assert len(await seller.ledger()) == applied
    (call,) = await seller.calls(operation="shipping")
    assert (call["status"], call["fault"]) == (None, kind)
    assert (await ship(seller)).status_code == 200


async def arrived(seller: Seller) -> None:
    """Wait until an effect is recorded."""
    await until(seller.ledger)


async def test_a_late_effect_comes_after_the_client_has_given_up(
    seller: Seller, sleep: Sleep
) -> None:
    await seller.fault("shipping", "late", delay=30)
    await give_up(seller)
    assert await seller.ledger() == []
    assert sleep.asked == [30]
    sleep.over.set()
    await arrived(seller)
    assert await seller.believed() == [[("Acknowledged", 1, None), ("Shipped", 1, "1ZA")]]


async def test_a_late_effect_that_no_longer_fits_is_dropped(seller: Seller, sleep: Sleep) -> None:
    await seller.fault("shipping", "late")
    await give_up(seller)
    await seller.admin("POST", f"/orders/{PO}/cancel")
    sleep.over.set()
    assert (await ship(seller)).status_code == 400
    assert [entry["operation"] for entry in await seller.ledger()] == ["cancelled_by_hand"]


async def test_a_reset_cancels_pending_effects(seller: Seller, sleep: Sleep) -> None:
    await seller.fault("shipping", "late")
    await give_up(seller)
    await seller.admin("POST", "/reset")
    await seller.ready(2)
    sleep.over.set()
    assert await seller.believed() == [[("Acknowledged", 2, None)]]


async def test_a_slow_call_takes_effect_after_the_client_has_given_up(
    seller: Seller, sleep: Sleep
) -> None:
    await seller.fault("shipping", "slow", delay=5)
    await give_up(seller)
    assert await seller.ledger() == []
    sleep.over.set()
    await arrived(seller)


@pytest.mark.parametrize("kind", ["drop", "timeout"])
async def test_tokens_and_lists_can_be_silent_too(seller: Seller, kind: str) -> None:
    await seller.fault("token", kind)
    await seller.fault("list", kind)
    seller.http.timeout = IMPATIENT
    no_answer = (httpx.RemoteProtocolError, httpx.ReadTimeout)
    with pytest.raises(no_answer):
        await seller.ask_for_token()
    with pytest.raises(no_answer):
        await seller.get("/v3/orders")


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_stopping_server_closes_silent_connections(http: str) -> None:
    app = create_app()
    async with httpx.AsyncClient(timeout=LIMIT, trust_env=False, verify=TLS) as client:
        async with serving(app, http) as url:
            client.base_url = httpx.URL(url)
            seller = Seller(client, 0)
            await seller.fault("token", "timeout")
            asking = asyncio.create_task(seller.ask_for_token())
            await until(seller.calls)
        with pytest.raises(httpx.RemoteProtocolError):
            await asking
