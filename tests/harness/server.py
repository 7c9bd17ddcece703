"""An ASGI app behind real HTTP on 127.0.0.1."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Serve an app on a free port during the block; yields its address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="error", access_log=False, lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server._serve([listening]))
    try:
        while not server.started:
            if running.done():
                running.result()
            await asyncio.sleep(0.01)
        host, port = listening.getsockname()
        yield f"http://{host}:{port}"
    finally:
        await _close(server, running)
        listening.close()


async def _close(server: uvicorn.Server, running: asyncio.Task[None]) -> None:
    """End a server at once: uvicorn's own way waits 0.1 s, twice, in every test."""
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for each in server.servers:
        each.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    requests = list(server.server_state.tasks)
    for task in requests:
        task.cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    await server.lifespan.shutdown()
