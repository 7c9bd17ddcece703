"""`waybill poller`: a poller without the API. Any number of them work on one database."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from app import logs
from app.bootstrap import process, worker
from app.cli import http_server
from app.endings import CannotGoOn
from app.settings import Settings
from app.storage.postgres import readiness

_log = structlog.get_logger(__name__)
# Seconds to wait for the database and its migration: a deployment starts all parts at once.
_PATIENCE = 60.0
_AGAIN_AFTER = 2.0
# Seconds for probes in flight at a stop.
_GRACE = 1


class CannotPoll(CannotGoOn):
    """The process cannot start; the message says why and what to do."""


def poll(settings: Settings, *, host: str, port: int | None) -> None:
    """Deliver updates until SIGTERM or SIGINT. Raises CannotPoll, CannotListen, BadSettings.

    port: where liveness and readiness probes are answered. None means no probes.
    """
    logs.configure(settings.log_level)
    listening = None if port is None else http_server.take(host, port)
    with asyncio.Runner(loop_factory=process.new_loop) as runner:
        runner.run(_poll(settings, listening))


async def _poll(settings: Settings, listening: socket.socket | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(process.opened(settings))
        if listening is not None:
            await stack.enter_async_context(_probed(parts, listening))
        await _wait_until_ready(parts, stop)
        if stop.is_set():
            return
        await stack.enter_async_context(worker.polling(parts, ended=stop.set))
        http_server.freeze_garbage()
        _log.info("polling", concurrency=settings.poller_concurrency)
        await stop.wait()
        _log.info("stopping", note="finishing what is in flight")


@asynccontextmanager
async def _probed(parts: process.Parts, listening: socket.socket) -> AsyncIterator[None]:
    """Answer probes during the block, also before the database answers and while draining."""
    # A poller without a port does not load the web framework.
    from app.web.probes import create_probes  # noqa: PLC0415

    # mutation: poller-readiness
    app = create_probes(
        stopped=parts.heartbeat.stopped, ready=lambda: readiness.not_ready(parts.database)
    )
    stop = asyncio.Event()
    answering = asyncio.create_task(http_server.answer(app, listening, stop, grace=_GRACE))
    try:
        yield
    finally:
        stop.set()
        await answering


async def _wait_until_ready(parts: process.Parts, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while not stop.is_set():
        why_not = await readiness.not_ready(parts.database)
        if why_not is None:
            return
        if loop.time() > deadline:
            raise CannotPoll(why_not)
        _log.warning("waiting", reason=why_not)
        await asyncio.sleep(_AGAIN_AFTER)
