"""Liveness: a hung or broken loop restarts a poller, and a database failure does not."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr

from app.bootstrap import process, worker
from app.domain.update import State
from app.settings import Settings
from app.storage.postgres.database import open_database
from app.usecases.orders import ship
from app.worker.heartbeat import Heartbeat
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World


@dataclass(slots=True)
class Counted(Heartbeat):
    """A heartbeat that a test can wait for."""

    beats: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def beat(self) -> None:
        self.beats += 1
        self.more.set()

    async def turns(self, rounds: int) -> None:
        """Wait for this many more cycles of the loop."""
        wanted = self.beats + rounds
        async with limited():
            while self.beats < wanted:
                self.more.clear()
                await self.more.wait()


@contextmanager
def frozen(process: int) -> Iterator[None]:
    """Stop a server process: it neither answers nor closes the connection."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


async def test_the_loop_keeps_running_while_its_database_does_not_answer(world: World) -> None:
    database = open_database(world.url, pool_size=2, statement_timeout_ms=300)
    heartbeat = Counted(time.monotonic)
    poller = world.poller(context=replace(world.context, database=database), heartbeat=heartbeat)
    async with database.begin() as connection:
        process = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
    stop = asyncio.Event()
    running = asyncio.create_task(poller.run(stop))
    try:
        await heartbeat.turns(1)
        with frozen(process):
            await heartbeat.turns(3)
            order = await world.an_order(2)
            shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
            async with limited():
                while (await world.update(shipped.shipment.update.id)).state != State.CONFIRMED:
                    await asyncio.sleep(0.02)
    finally:
        stop.set()
        await running
        await database.close()


async def test_a_poller_with_a_broken_part_ends(world: World) -> None:
    def broken() -> float:
        raise ZeroDivisionError

    # The scheduler calls it between two runs of a job, outside of its exception handler.
    poller = world.poller(random=broken)
    async with limited():
        with pytest.raises(ZeroDivisionError):
            await poller.run(asyncio.Event())


async def test_the_process_gets_the_error_that_ended_its_poller(world: World) -> None:
    settings = Settings(
        database_url=SecretStr(world.url),
        encryption_keys=[SecretStr(Fernet.generate_key().decode())],
        # Listening is off, so only the poller meets the error.
        database_pooler="transaction",
    )
    ended = asyncio.Event()
    async with limited(), process.opened(settings) as parts:
        with pytest.raises(AttributeError):
            async with worker.polling(replace(parts, wake_signal=None), ended=ended.set):  # type: ignore[arg-type]
                await ended.wait()
