"""Leases of imports: each store has one import run at a time across all replicas."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement
from app.storage.tables import imports

# Seconds until a lease ends that was not renewed: its process is lost.
LEASE = 120.0
# Stores that one statement finds; if there are more, it is repeated at once.
MOST_DUE = 100

_DUE = sql.load("imports/list_due_imports.sql")
_BEGIN = sql.load("imports/begin_import.sql")
_BEGIN_FIRST = Statement("""
    INSERT INTO imports (store_id, lease_token, leased_until)
    VALUES (:store_id, :token, now() + make_interval(secs => :lease)) ON CONFLICT DO NOTHING
    RETURNING read_until, returns_until, started_at AS began_at
""")
_RENEW = Statement("""
    UPDATE imports SET leased_until = now() + make_interval(secs => :lease)
     WHERE store_id = :store_id AND lease_token = :token AND leased_until > now()
    RETURNING store_id
""")
# Shared, so that no run takes the store over before the caller's transaction has ended.
_HELD = Statement("""
    SELECT store_id FROM imports
     WHERE store_id = :store_id AND lease_token = :token AND leased_until > now() FOR SHARE
""")


@dataclass(frozen=True, slots=True)
class ImportRun:
    """A run that has the store's lease."""

    store_id: int
    token: UUID
    began_at: datetime
    read_until: datetime | None
    """When the last run began that read all orders. None means that none did."""
    returns_until: datetime | None = None
    """The same of returns."""


@dataclass(slots=True)
class ImportTotals:
    """The totals of a run."""

    orders: int = 0
    """Orders that were listed."""
    imported: int = 0
    changed: int = 0
    unreadable: int = 0
    returns: int = 0
    missed: int = 0
    postponed: int = 0
    """Orders that could not be read and are tried again."""
    stopped: str | None = None
    """Why the run broke off. None means that it did not."""
    resume_in: float | None = None
    """Seconds until the run may continue. None means that the next run is due as usual."""
    whole_orders: bool = False
    """Whether all orders were read."""
    whole_returns: bool = False
    """Whether all returns were read."""


async def due(connection: Connection, every: float) -> list[int]:
    """Stores with a last run that began `every` seconds ago or may continue, the oldest first."""
    rows = await _DUE.execute(connection, {"every": every, "limit": MOST_DUE})
    return [row.store_id for row in rows]


async def begin(
    connection: Connection, store_id: int, token: UUID, every: float
) -> ImportRun | None:
    """Begin a run. None means that one is running, or began less than every seconds ago."""
    values = {"store_id": store_id, "token": token, "lease": LEASE, "every": every}
    for statement in (_BEGIN, _BEGIN_FIRST):
        row = (await statement.execute(connection, values)).one_or_none()
        if row is not None:
            return ImportRun(store_id, token, row.began_at, row.read_until, row.returns_until)
    return None


async def renew(connection: Connection, run: ImportRun) -> bool:
    """Renew the lease; False if another run took the store over."""
    values = {"store_id": run.store_id, "token": run.token, "lease": LEASE}
    return (await _RENEW.execute(connection, values)).first() is not None


async def held(connection: Connection, run: ImportRun) -> bool:
    """Whether the run still has the lease; if so, it keeps it until the transaction ends."""
    values = {"store_id": run.store_id, "token": run.token}
    return (await _HELD.execute(connection, values)).first() is not None


async def end(connection: Connection, run: ImportRun, totals: ImportTotals) -> None:
    """Write the totals of a run, if it still has the lease."""
    resume_in = totals.resume_in
    await connection.execute(
        sa.update(imports)
        .where(imports.c.store_id == run.store_id, imports.c.lease_token == run.token)
        .values(
            lease_token=None,
            leased_until=None,
            finished_at=sa.func.now(),
            resume_at=None
            if resume_in is None
            else sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, resume_in),
            read_until=run.began_at if totals.whole_orders else imports.c.read_until,
            returns_until=run.began_at if totals.whole_returns else imports.c.returns_until,
            orders=totals.orders,
            imported=imports.c.imported + totals.imported,
            changed=imports.c.changed + totals.changed,
            missed=imports.c.missed + totals.missed,
            unreadable=totals.unreadable,
            stopped=totals.stopped,
        )
    )
