"""The simulator as a process of its own."""

import logging
import socket
from collections.abc import Callable

import uvicorn

from app.simulator.app import create_app


def serve(*, host: str, port: int) -> None:
    """Answer on host and port until SIGTERM or Ctrl-C.

    There is no authentication: whoever reaches the port rules this Walmart. Exits the process
    with status 1, and says so, where the port is taken.
    """
    app = create_app()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
    logging.getLogger("uvicorn.error").addFilter(_not_a_cut_connection)
    _SimulatorServer(config, app.state.closing.set).run()


class _SimulatorServer(uvicorn.Server):
    """Lets clients go that a fault keeps waiting, before it waits for them itself."""

    def __init__(self, config: uvicorn.Config, let_go: Callable[[], None]) -> None:
        super().__init__(config)
        self._let_go = let_go

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._let_go()
        await super().shutdown(sockets)


def _not_a_cut_connection(record: logging.LogRecord) -> bool:
    # A connection that a fault cuts looks like a mistake of the app to the server.
    return "without completing response" not in record.getMessage()
