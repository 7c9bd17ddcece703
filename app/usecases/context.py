"""What every use case works with: the database, Walmart for reading, a clock and fresh ids."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from app.commerce.client import CommerceClient
from app.domain import ids
from app.domain.commerce_connection import CommerceConnection
from app.domain.errors import Conflict
from app.domain.imports.age_limits import KEEP_ALL, AgeLimits
from app.domain.seller_credentials import SellerCredentials
from app.http_client import ssrf_guard
from app.http_client.ssrf_guard import Guards
from app.http_client.webhook_sender import WebhookSender
from app.storage import idempotency, rate_limits
from app.storage.idempotency import IdempotentRequest
from app.storage.orders.accept_batcher import AcceptBatcher
from app.storage.outbox.notify import DueHint
from app.storage.postgres.database import Connection, Database
from app.storage.stores import credentials
from app.storage.stores.secrets import CannotDecrypt, SecretCipher
from app.walmart.client import WalmartClient

Opened = TypeVar("Opened")


class WakePollers(Protocol):
    """Wakes the pollers."""

    def __call__(self, *hints: DueHint) -> None:
        """Wake the pollers after a commit; without hints they query what is due."""


@dataclass(frozen=True, slots=True)
class AppContext:
    """The collaborators of the use cases.

    now returns an aware time; entropy returns 64 random bits. wake is called after a commit;
    it is cheap and never raises.
    """

    database: Database
    accept_batcher: AcceptBatcher
    cipher: SecretCipher
    walmart: WalmartClient
    now: Callable[[], datetime]
    entropy: Callable[[], int]
    wake: WakePollers
    commerce: CommerceClient
    webhook_sender: WebhookSender
    guards: Guards = ssrf_guard.USUAL
    """Which addresses of a store's configuration may be called."""
    age_limits: AgeLimits = KEEP_ALL
    """Finished orders and returns that are older do not come in."""
    quiet_period: timedelta = timedelta(seconds=120)
    rehearsal: bool = False
    """Each transaction is rolled back at its end: a dry run."""
    ship_by_warning: timedelta = timedelta(hours=4)
    """An order with unshipped units and less time than this is to be shipped soon."""

    def new_id(self, store_id: int) -> UUID:
        """Make an id for a row of a store."""
        return ids.new_id(store_id, int(self.now().timestamp() * 1000), self.entropy())

    def rehearsing(self) -> "AppContext":
        """The same collaborators for a dry run: a use case runs by its rules, and writes nothing.

        Only for use cases that write in `transaction` alone, or leave out what else they write.
        """
        return replace(self, rehearsal=True, wake=_wake_none)

    @asynccontextmanager
    async def transaction(self, once: IdempotentRequest | None = None) -> AsyncIterator[Connection]:
        """Open the transaction of a use case; a request answered before raises Replay here."""
        async with self.database.begin() as connection:
            await idempotency.begin(connection, once)
            yield connection
            # mutation: dry-run-writes-nothing
            if self.rehearsal:
                await connection.rollback()

    async def database_time(self) -> datetime:
        """The database's time: what decides about a write goes by no host's clock."""
        async with self.database.begin() as connection:
            return await rate_limits.now(connection)

    async def account(self, store_id: int) -> SellerCredentials:
        """Open a store's Walmart account. Raises Conflict secret_unreadable."""
        return await self._opened(credentials.of_walmart, store_id)

    async def commerce_connection(self, store_id: int) -> CommerceConnection | None:
        """Open a store's Commerce, where it is called. Raises Conflict secret_unreadable."""
        return await self._opened(credentials.of_commerce, store_id)

    async def _opened(
        self, read: Callable[[Connection, int, SecretCipher], Awaitable[Opened]], store_id: int
    ) -> Opened:
        try:
            async with self.database.begin() as connection:
                return await read(connection, store_id, self.cipher)
        except CannotDecrypt as error:
            raise Conflict(
                "secret_unreadable", f"A secret of the store cannot be read: {error}."
            ) from error


def _wake_none(*hints: DueHint) -> None:
    del hints  # a dry run makes nothing due
