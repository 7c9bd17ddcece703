"""On what terms a reader of Walmart asks and writes: here on none but the caller's own word."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from app.intake.desk import Desk
from app.orders.lane import Endpoint
from app.outbound.call import Call
from app.storage.database import Connection
from app.walmart.account import Account
from app.walmart.client import Answer


class Answered(Protocol):
    """An answer with the call that brought it."""

    @property
    def call(self) -> Call:
        """The evidence of the call."""


Said = TypeVar("Said", bound=Answered)


class Hold:
    """How Walmart is asked, and what must still be true where the answer is written down.

    Whoever reads for long, beside others, has terms of its own (`app/sync/gate.py`).
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
