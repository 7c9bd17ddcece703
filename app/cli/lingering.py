"""Answers that end their connection while the client still sends (RFC 9112, section 9.6).

A connection that is closed with unread bytes is reset, and the client may lose an answer that it
has not read yet, such as that its body is too large.
"""

import asyncio
from collections.abc import Callable


class AnsweringTransport(asyncio.Transport):
    """What writes answers to a connection. unread: whether the client may still send a body."""

    def __init__(self, transport: asyncio.Transport, unread: Callable[[], bool]) -> None:
        super().__init__()
        self._transport = transport
        self._unread = unread
        self.lingers = False
        """Whether the answer has ended, and what comes is dropped until the client ends too."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write a part of an answer."""
        self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        """End the connection behind the answer; the client's half of it only later, if it sends."""
        # mutation: lingering-close
        if self._unread() and not self.is_closing():
            self.lingers = True
            self._transport.write_eof()
        else:
            self._transport.close()
