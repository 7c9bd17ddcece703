"""On what terms a reader of Walmart asks and writes: here on none but the caller's own word."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from app.domain.outbox.rate_limits import Endpoint
from app.http_client.call import Call
from app.storage.postgres.database import Connection
from app.usecases.context import AppContext
from app.walmart.client import WalmartReply
from app.walmart.credentials import SellerCredentials


class HasCall(Protocol):
    """An answer with the call that brought it."""

    @property
    def call(self) -> Call:
        """The evidence of the call."""


Reply = TypeVar("Reply", bound=HasCall)


class WalmartReader:
    """How Walmart is asked, and what must still be true where the answer is written down.

    A reader that works for long has terms of its own
    (`app/worker/importer/rate_limited_reader.py`).
    """

    async def ask(self, endpoint: Endpoint, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Make a read call. Raises WalmartError."""
        del endpoint
        return await call()

    async def read_order(
        self, context: AppContext, account: SellerCredentials, number: str
    ) -> WalmartReply:
        """Read an order. Raises WalmartError."""

        async def read() -> WalmartReply:
            return await context.walmart.read_order(account, number)

        return await self.ask(Endpoint.READ, read)

    async def check(self, connection: Connection) -> None:
        """Raise where the caller may not write any more; then nothing is written."""
        del connection


UNLIMITED = WalmartReader()
