"""How a process ends: not ready first, stopped after a delay."""

import asyncio

import httpx

from app.cli.shutdown import Shutdown
from app.web.probes import create_probes
from tests.harness.waiting import limited


async def ready() -> None:
    """Nothing is in the way."""


async def test_a_process_is_not_ready_before_it_stops() -> None:
    shutdown = Shutdown(delay=0.01)
    probes = create_probes(stopped=lambda: None, ready=ready, draining=shutdown.draining)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(probes), base_url="http://poller"
    ) as client:
        assert (await client.get("/readyz")).status_code == 200
        shutdown.begin()
        assert not shutdown.stop.is_set()
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200
        async with limited():
            await shutdown.stop.wait()


async def test_a_second_signal_stops_at_once() -> None:
    shutdown = Shutdown(delay=300)
    shutdown.begin()
    await asyncio.sleep(0)
    assert not shutdown.stop.is_set()
    shutdown.begin()
    assert shutdown.stop.is_set()


async def test_without_a_delay_the_first_signal_stops() -> None:
    shutdown = Shutdown()
    shutdown.begin()
    assert shutdown.draining.is_set()
    assert shutdown.stop.is_set()
