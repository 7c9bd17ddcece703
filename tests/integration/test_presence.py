"""Pollers hold a presence lock on their listening session, and a recovery keeps them out."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.domain.errors import NotAvailable
from app.domain.update import Kind
from app.storage.outbox import notify
from app.storage.outbox.notify import DueHint, NotifyListener, NotifyPublisher, WakeSignal
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.presence import alone
from tests.harness.waiting import limited


async def locks(url: str, *, granted: bool) -> int:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        counted = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted = $1"
        of_ours = "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        return int(await connection.fetchval(f"{counted} {of_ours}", granted))
    finally:
        await connection.close()


async def until_waiting(url: str) -> None:
    async with limited():
        while not await locks(url, granted=False):
            await asyncio.sleep(0.02)


async def test_a_running_poller_is_seen_and_a_stopped_one_is_not(fresh_url: str) -> None:
    async with NotifyListener(fresh_url, WakeSignal(), of_poller=True) as listener:
        await listener.shown.wait()
        async with alone(fresh_url) as is_alone:
            assert not is_alone
    async with alone(fresh_url) as is_alone:
        assert is_alone


async def test_a_listener_for_another_reason_is_not_a_poller(fresh_url: str) -> None:
    wake_signal = WakeSignal()
    async with NotifyListener(fresh_url, wake_signal):
        await wake_signal.wait()
        async with alone(fresh_url) as is_alone:
            assert is_alone


async def test_a_poller_that_starts_during_a_recovery_waits_for_its_end(fresh_url: str) -> None:
    async with alone(fresh_url):
        listener = await NotifyListener(fresh_url, WakeSignal(), of_poller=True).__aenter__()
        await until_waiting(fresh_url)
        assert not listener.shown.is_set()
    async with limited():
        await listener.shown.wait()
    assert await locks(fresh_url, granted=True) == 1
    await listener.__aexit__(None, None, None)


async def test_a_poller_works_even_if_it_cannot_listen() -> None:
    unreachable = "postgresql://waybill@127.0.0.1:1/nothing"
    async with (
        limited(),
        NotifyListener(unreachable, WakeSignal(), of_poller=True) as listener,
    ):
        await listener.shown.wait()
    with pytest.raises(NotAvailable):
        async with alone(unreachable):
            pass


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("unexpected state"),
        asyncpg.InterfaceError("the handler is closed"),
        RuntimeError("unable to perform operation on a closed transport"),
        ConnectionResetError("reset"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_connection_that_dies_in_any_way_is_replaced_for_listening_and_announcing(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    connect, died = asyncpg.connect, 0

    async def dies_first(*given: Any, **more: Any) -> Any:
        nonlocal died
        died += 1
        if died <= 3:
            raise error
        return await connect(*given, **more)

    monkeypatch.setattr(asyncpg, "connect", dies_first)
    monkeypatch.setattr(notify, "_RECONNECT_AFTER", 0.01)
    wake_signal, hints = WakeSignal(), set[DueHint]()
    async with (
        limited(),
        NotifyPublisher(fresh_url) as publisher,
        NotifyListener(fresh_url, wake_signal, of_poller=True),
    ):
        while (1, Kind.SHIPMENT) not in hints:
            publisher.wake((1, Kind.SHIPMENT))
            await wake_signal.wait()
            hints |= wake_signal.take()[0]
