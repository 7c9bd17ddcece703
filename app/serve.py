"""`waybill serve`: the API, and a poller inside unless told otherwise."""

import asyncio
import errno
import signal
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import structlog
import uvicorn

from app import compose, logs
from app.settings import Settings
from app.version import VERSION
from app.web.app import create_app

_log = structlog.get_logger(__name__)
# Seconds that requests in flight have at a stop.
_GRACE = 20


class CannotServe(Exception):
    """The process cannot start; the message says why and what to do."""


class _Server(uvicorn.Server):
    """Leaves signals to us.

    uvicorn ends the process by the signal it got, as soon as it has answered its requests:
    the poller would not be drained, and an embedded database would stay behind.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def leave_at(self, stop: asyncio.Event) -> None:
        """Stop in order once the event is set."""
        await stop.wait()
        self.should_exit = True


def serve(settings: Settings, *, host: str, port: int, with_poller: bool) -> None:
    """Answer requests until the process is told to stop. Raises CannotServe, BadSettings."""
    logs.configure(settings.log_level)
    listening = _listen(host, port)
    with asyncio.Runner(loop_factory=compose.new_loop) as runner:
        runner.run(_serve(settings, listening, with_poller=with_poller))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CannotServe(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return listening


async def _serve(settings: Settings, listening: socket.socket, *, with_poller: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(compose.opened(settings))
        why_not = await compose.not_ready(parts.database)
        if why_not is not None:
            raise CannotServe(why_not)
        if with_poller:
            await stack.enter_async_context(compose.polling(parts))
        admin = settings.admin_key
        app = create_app(
            desk=parts.desk,
            admin_key=admin.get_secret_value() if admin else None,
            metrics=parts.metrics,
            ready=lambda: compose.not_ready(parts.database),
            version=VERSION,
        )
        config = uvicorn.Config(
            app,
            http="httptools",
            access_log=False,
            server_header=False,
            # Nothing here looks at the caller's address or scheme.
            proxy_headers=False,
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE,
        )
        _log.info("serving", address=str(listening.getsockname()), poller=with_poller)
        await _answer(_Server(config), listening, stop)


async def _answer(server: _Server, listening: socket.socket, stop: asyncio.Event) -> None:
    leaving = asyncio.create_task(server.leave_at(stop))
    try:
        await server.serve([listening])
    except OSError as error:
        # Two that start at once can both bind a port, but only one can listen on it.
        if error.errno != errno.EADDRINUSE:
            raise
        raise CannotServe(f"Cannot listen on the port: {error.strerror}.") from error
    finally:
        leaving.cancel()
