"""The web server of a process: answers at an address until a stop."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from app.bootstrap import process
from app.cli import connection_limits
from app.cli.connection_limits import Limits
from app.cli.descriptors import most_connections
from app.cli.listener import CannotListen
from app.cli.shutdown import Shutdown

# Seconds for probes and scrapes in flight at a stop.
_MOMENT = 1


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handling.

    uvicorn ends the process by the signal it received once its requests are answered: the poller
    would not be drained, and an embedded database would go on running.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield

    async def leave_at(self, shutdown: Shutdown) -> None:
        """Close each connection after its answer while draining, then stop gracefully."""
        await shutdown.draining.wait()
        # uvicorn adds these headers to every answer that begins a second later.
        self.config.encoded_headers.append((b"connection", b"close"))
        await shutdown.stop.wait()
        self.should_exit = True


async def answer(
    app: Any,  # noqa: ANN401 - any ASGI app
    listening: socket.socket,
    shutdown: Shutdown,
    *,
    grace: int,
    limits: Limits | None = None,
) -> None:
    """Serve an app until the stop. Raises CannotListen.

    grace: seconds for requests in flight then. limits: None means as many connections as the
    process may open.
    """
    limits = limits or Limits(most_connections())
    config = uvicorn.Config(
        app,
        # uvicorn asks for a class, but calls any factory.
        http=connection_limits.limited(limits),  # type: ignore[arg-type]
        access_log=False,
        server_header=False,
        # The app reads neither the caller's address nor its scheme.
        proxy_headers=False,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=grace,
    )
    process.freeze_garbage()
    server = _Server(config)
    leaving = asyncio.create_task(server.leave_at(shutdown))
    try:
        await server.serve([listening])
    except OSError as error:
        # Two processes that start at once can both bind a port, but only one can listen on it.
        if error.errno != errno.EADDRINUSE:
            raise
        raise CannotListen(f"Cannot listen on the port: {error.strerror}.") from error
    finally:
        leaving.cancel()


@asynccontextmanager
async def answering(
    app: Any,  # noqa: ANN401 - any ASGI app
    listening: socket.socket,
) -> AsyncIterator[None]:
    """Serve a small app of probes or metrics during the block, beside what the process is for."""
    shutdown = Shutdown()
    running = asyncio.create_task(answer(app, listening, shutdown, grace=_MOMENT))
    try:
        yield
    finally:
        shutdown.now()
        await running
