"""The simulator as a process of its own."""

import uvicorn

from app.simulator.app import create_app


def serve(*, host: str, port: int) -> None:
    """Answer on host and port until the process is told to stop."""
    # A connection that a fault cuts is reported as an error of the app, which it is not.
    uvicorn.run(
        create_app(),
        host=host,
        port=port,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
