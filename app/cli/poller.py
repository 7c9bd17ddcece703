"""`waybill poller`: a poller without the API. Any number of them work on one database."""

import asyncio
import socket
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import structlog

from app import logs
from app.bootstrap import process, worker
from app.cli import listener
from app.cli.shutdown import Shutdown
from app.endings import CannotGoOn
from app.settings import Settings
from app.storage.postgres import readiness
from app.version import VERSION

_log = structlog.get_logger(__name__)
# Seconds to wait for the database and its migration: a deployment starts all parts at once.
_PATIENCE = 60.0
_AGAIN_AFTER = 2.0


class CannotPoll(CannotGoOn):
    """The process cannot start; the message says why and what to do."""


def poll(settings: Settings, *, host: str, port: int | None) -> None:
    """Deliver updates until SIGTERM or SIGINT. Raises CannotPoll, CannotListen, BadSettings.

    port: where liveness and readiness probes are answered. None means no probes.
    """
    logs.configure(settings.log_level, settings.log_format)
    listening = None if port is None else listener.take(host, port)
    # mutation: metrics-port-of-a-poller
    metrics = None if settings.metrics_port is None else listener.take(host, settings.metrics_port)
    with asyncio.Runner(loop_factory=process.new_loop) as runner:
        runner.run(_poll(settings, listening, metrics))


async def _poll(
    settings: Settings, listening: socket.socket | None, metrics: socket.socket | None
) -> None:
    # Nothing is routed to a poller, so it needs no delay.
    shutdown = Shutdown()
    shutdown.on_signals()
    stop = shutdown.stop
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(process.telemetry())
        parts = await stack.enter_async_context(process.opened(settings))
        # Answered before the database answers, and while draining.
        if listening is not None:
            probes = _probes(parts, shutdown.draining)
            await stack.enter_async_context(_answering(probes, listening))
        if metrics is not None:
            await stack.enter_async_context(_answering(_metrics(parts), metrics))
        await _wait_until_ready(parts, stop)
        if stop.is_set():
            return
        await stack.enter_async_context(worker.polling(parts, ended=shutdown.now))
        process.freeze_garbage()
        _log.info("polling", concurrency=settings.poller_concurrency)
        await stop.wait()
        _log.info("stopping", note="finishing what is in flight")


# A poller without a port loads neither a web server nor the metrics' library.
def _answering(
    app: Any,  # noqa: ANN401 - an ASGI app
    listening: socket.socket,
) -> AbstractAsyncContextManager[None]:
    from app.cli import http_server  # noqa: PLC0415

    return http_server.answering(app, listening)


def _probes(parts: process.Parts, draining: asyncio.Event) -> Any:  # noqa: ANN401 - an ASGI app
    from app.web.probes import create_probes  # noqa: PLC0415

    # mutation: poller-readiness
    return create_probes(
        stopped=parts.heartbeat.stopped,
        ready=lambda: readiness.not_ready(parts.database),
        draining=draining,
    )


def _metrics(parts: process.Parts) -> Any:  # noqa: ANN401 - an ASGI app
    from app.metrics.process_metrics import ProcessMetrics  # noqa: PLC0415
    from app.web.probes import create_metrics_app  # noqa: PLC0415

    # An API reports what the database shows; here it would be counted once more for each poller.
    return create_metrics_app(ProcessMetrics(parts.database, VERSION))


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
