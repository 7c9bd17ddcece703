"""A TCP proxy before PostgreSQL that can hold back the answer to a COMMIT."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Proxy:
    """armed: the next transaction that writes an update gets no answer to its COMMIT."""

    socket: Path
    armed: bool = False
    held: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what one client and the server say to each other."""
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
        wrote = False
        while data := await reader.read(65536):
            wrote = wrote or b"INSERT INTO updates" in data
            if wrote and b"COMMIT" in data:
                wrote = False
                if self.armed:
                    self.armed = False
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
    """Listen on a port of 127.0.0.1 for a while."""
    proxy = Proxy(socket)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
