"""The stored state of a test: orders and updates as people see them, time, and claims by hand."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa
from cryptography.fernet import Fernet

from app.domain.ids import store_of
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.rate_limits import Endpoint
from app.storage import queries
from app.storage.outbox import claims, due
from app.storage.outbox.claims import ClaimRequest
from app.storage.outbox.take import ClaimSettings
from app.storage.postgres.database import Database
from app.storage.queries.views import OrderView, UpdateView
from app.storage.stores.secrets import SecretCipher
from app.storage.tables import lanes, updates
from app.usecases.context import AppContext
from tests.harness.waiting import limited

# One cipher for all tests: `claim` needs it, and is given a database only.
KEY = Fernet.generate_key().decode()
VAULT = SecretCipher([KEY])


@dataclass(kw_only=True)
class StoredState:
    """Reads and changes what is stored."""

    context: AppContext
    """For use cases. A test may replace it; pollers take it when they are composed."""

    @property
    def database(self) -> Database:
        """The database of the context."""
        return self.context.database

    async def order(self, order_id: UUID) -> OrderView:
        """The order as people see it now."""
        async with self.database.begin() as connection:
            view = await queries.order(connection, order_id.int & 0xFFFFFFFF, order_id)
        assert view is not None
        return view

    async def update(self, update_id: UUID) -> UpdateView:
        """The update as people see it now."""
        async with self.database.begin() as connection:
            view = await queries.update(connection, update_id.int & 0xFFFFFFFF, update_id)
        assert view is not None
        return view

    async def in_states(self, update_ids: Collection[UUID], states: Collection[str]) -> bool:
        """Whether each update is in one of the states."""
        statement = sa.select(sa.func.count()).where(
            updates.c.store_id.in_({store_of(each) for each in update_ids}),
            updates.c.id.in_(update_ids),
            updates.c.state.in_(states),
        )
        async with self.database.begin() as connection:
            found = (await connection.execute(statement)).scalar_one()
        return bool(found == len(set(update_ids)))

    async def answered_before(self) -> None:
        """Let Walmart have answered every store before: a lane's first calls go one by one."""
        async with self.database.begin() as connection:
            await connection.execute(sa.update(lanes).values(answered=True))

    async def let_doubts_end(self) -> None:
        """Let a read end each doubt from now on, and let all updates be due."""
        async with self.database.begin() as connection:
            await connection.execute(
                sa.update(updates)
                .where(updates.c.in_doubt_until.is_not(None))
                .values(in_doubt_until=sa.func.now())
            )
            await connection.execute(sa.update(updates).values(due_at=sa.func.now()))

    async def no_doubt_left(self) -> None:
        """Wait until no update is in doubt."""
        statement = sa.select(sa.func.count()).where(updates.c.in_doubt_until.is_not(None))
        async with limited():
            while True:
                async with self.database.begin() as connection:
                    if not (await connection.execute(statement)).scalar_one():
                        return
                await asyncio.sleep(0.02)


async def claim(
    database: Database,
    store_id: int = 1,
    *,
    limit: int = 20,
    lease: float = 60.0,
    caps: Mapping[Endpoint, float] | None = None,
    sharded: bool = False,
    quiet: float = 120.0,
) -> list[Claimed]:
    """Claim the due updates of a store, as a poller does."""
    settings = ClaimSettings(
        "p", lease=lease, timeout=min(30.0, lease), caps=caps or {}, quiet=quiet
    )
    sharded = sharded or await database.is_sharded()
    found = await due.groups(database.by_key, sharded=sharded)
    groups = [each for each in found if each.store_id == store_id and each.due_in <= 0]
    if not groups:
        return []
    while True:
        (taken,) = await claims.claim(
            database.by_key,
            [ClaimRequest(groups, limit)],
            token=uuid4(),
            terms=settings,
            cipher=VAULT,
            sharded=sharded,
        )
        if not taken.elsewhere:
            break
        await asyncio.sleep(0.01)
    return list(taken.updates)
