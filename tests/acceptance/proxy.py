"""A TCP proxy for PostgreSQL that can hold back the answer to the commit of an update."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Proxy:
    """A proxy. armed: the next write of a shipment with this tracking number gets no answer.

    The statement that writes it is its own transaction, so this is the answer to its commit.
    """

    socket: Path
    armed: bytes | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on the traffic between one client and the server."""
        theirs, ours = await asyncio.open_unix_connection(str(self.socket))
        silent = asyncio.Event()
        pumps = [
            asyncio.create_task(self._to_server(reader, ours, silent)),
            asyncio.create_task(_to_client(theirs, writer, silent)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for each in (writer, ours):
                each.close()

    async def _to_server(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            if self.armed is not None and self.armed in data:
                self.armed = None
                silent.set()
            writer.write(data)
            await writer.drain()
            if silent.is_set():
                self.held.set()


async def _to_client(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event
) -> None:
    while data := await reader.read(65536):
        if not silent.is_set():
            writer.write(data)
            with contextlib.suppress(ConnectionError):
                await writer.drain()


@asynccontextmanager
async def proxied(socket: Path) -> AsyncIterator[Proxy]:
    """Listen on a port of 127.0.0.1."""
    proxy = Proxy(socket)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
