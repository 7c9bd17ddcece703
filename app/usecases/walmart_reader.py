"""On what terms a reader of Walmart asks and writes: here on none but the caller's own word."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from app.domain.outbox.rate_limits import Endpoint
from app.http_client.call import Call
from app.storage.postgres.database import Connection
from app.usecases.context import Desk
from app.walmart.client import Answer
from app.walmart.credentials import Account


class Answered(Protocol):
    """An answer with the call that brought it."""

    @property
    def call(self) -> Call:
        """The evidence of the call."""


Said = TypeVar("Said", bound=Answered)


class Hold:
    """How Walmart is asked, and what must still be true where the answer is written down.

    A reader that works for long has terms of its own
    (`app/worker/importer/rate_limited_reader.py`).
    """

    async def ask(self, endpoint: Endpoint, call: Callable[[], Awaitable[Said]]) -> Said:
        """Make a read call. Raises WalmartError."""
        del endpoint
        return await call()

    async def read_order(self, desk: Desk, account: Account, number: str) -> Answer:
        """Read an order. Raises WalmartError."""

        async def read() -> Answer:
            return await desk.walmart.read_order(account, number)

        return await self.ask(Endpoint.READ, read)

    async def check(self, connection: Connection) -> None:
        """Raise where the caller may not write any more; then nothing is written."""
        del connection


FREE = Hold()
