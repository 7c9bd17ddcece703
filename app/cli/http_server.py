"""An address to listen on, and the web server that answers there until it is told to stop."""

import asyncio
import errno
import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from app.cli import connection_limits
from app.cli.connection_limits import Limits
from app.endings import CannotGoOn


class CannotListen(CannotGoOn):
    """The address is not to be had; the message says which and why."""


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


def take(host: str, port: int) -> socket.socket:
    """Take an address before anything else is opened. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CannotListen(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return listening


def leave_alone_what_stays() -> None:
    """Let the garbage collector look at what requests leave only, and not after each of them.

    What is there before the first request or delivery stays to the end, and these leave hardly a
    cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def answer(
    app: Any,  # noqa: ANN401 - any ASGI app
    listening: socket.socket,
    stop: asyncio.Event,
    *,
    grace: int,
    limits: Limits | None = None,
) -> None:
    """Answer until stop is set; requests in flight then have grace seconds. Raises CannotListen.

    limits: on connections; None for as many as the process may have.
    """
    limits = limits or Limits(connection_limits.most_connections())
    config = uvicorn.Config(
        app,
        # A maker will do; uvicorn names a class.
        http=connection_limits.limited(limits),  # type: ignore[arg-type]
        access_log=False,
        server_header=False,
        # Nothing here looks at the caller's address or scheme.
        proxy_headers=False,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=grace,
    )
    leave_alone_what_stays()
    server = _Server(config)
    leaving = asyncio.create_task(server.leave_at(stop))
    try:
        await server.serve([listening])
    except OSError as error:
        # Two that start at once can both bind a port, but only one can listen on it.
        if error.errno != errno.EADDRINUSE:
            raise
        raise CannotListen(f"Cannot listen on the port: {error.strerror}.") from error
    finally:
        leaving.cancel()
