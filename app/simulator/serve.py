"""Run the simulator as a process."""

import logging
import socket
from collections.abc import Callable, Iterable

import uvicorn

from app.simulator.app import create_app


def serve(*, host: str, port: int, names: Iterable[str] = ()) -> None:
    """Serve on host and port until SIGTERM or Ctrl-C.

    There is no authentication: any client that reaches the port has full control, but for pages of
    other sites (`edge.py`). names: further names by which it is called. Exits with status 1 and a
    message if the port is in use.
    """
    app = create_app(names=(host, *names))
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
    """Ends calls that a fault leaves without an answer before the shutdown waits for them."""

    def __init__(self, config: uvicorn.Config, let_go: Callable[[], None]) -> None:
        super().__init__(config)
        self._let_go = let_go

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._let_go()
        await super().shutdown(sockets)


def _not_a_cut_connection(record: logging.LogRecord) -> bool:
    # The server logs a connection that a fault cuts as an error of the app.
    return "without completing response" not in record.getMessage()
