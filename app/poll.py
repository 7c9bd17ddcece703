"""`waybill poller`: a poller alone; run as many as you like against one database."""

import asyncio
import signal
from contextlib import AsyncExitStack

import structlog

from app import compose, logs
from app.settings import Settings

_log = structlog.get_logger(__name__)
# A deployment starts its parts at once: the database and its migration get a minute.
_PATIENCE = 60.0
_AGAIN_AFTER = 2.0


class CannotPoll(Exception):
    """The process cannot start; the message says why and what to do."""


def poll(settings: Settings) -> None:
    """Deliver updates until the process is told to stop. Raises CannotPoll, BadSettings."""
    logs.configure(settings.log_level)
    with asyncio.Runner(loop_factory=compose.new_loop) as runner:
        runner.run(_poll(settings))


async def _poll(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(compose.opened(settings))
        await _wait_until_ready(parts, stop)
        if stop.is_set():
            return
        await stack.enter_async_context(compose.polling(parts))
        _log.info("polling", concurrency=settings.poller_concurrency)
        await stop.wait()
        _log.info("stopping", note="finishing what is in flight")


async def _wait_until_ready(parts: compose.Parts, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while not stop.is_set():
        why_not = await compose.not_ready(parts.database)
        if why_not is None:
            return
        if loop.time() > deadline:
            raise CannotPoll(why_not)
        _log.warning("waiting", reason=why_not)
        await asyncio.sleep(_AGAIN_AFTER)
