"""How use cases read Walmart. The default has no rate limit and no lease check."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from app.domain.outbox.rate_limits import Endpoint
from app.domain.seller_credentials import SellerCredentials
from app.http_client.call import Call
from app.storage.postgres.database import Connection
from app.usecases.context import AppContext
from app.walmart.client import WalmartReply


class HasCall(Protocol):
    """An answer together with the evidence of its call."""

    @property
    def call(self) -> Call:
        """The evidence of the call."""


Reply = TypeVar("Reply", bound=HasCall)


class WalmartReader:
    """Makes read calls, and checks before a write that the caller may still write.

    Long-running readers in the worker override both: `app/worker/importer/rate_limited_reader.py`
    spends the store's rate limit, `leased_reader.py` checks its lease.
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
        """Raise if the caller may no longer write what it read. Here it always may."""
        del connection


UNLIMITED = WalmartReader()
