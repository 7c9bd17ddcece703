"""The import of each store's orders: one at a time across all replicas, from where it ended."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.tables import imports

# A run that has not renewed it by then is somebody's who is gone (seconds).
LEASE = 120.0
# Stores that one look finds; where there are more, the next look comes at once.
MOST_DUE = 100

_DUE = sa.text("""
    SELECT s.store_id FROM stores s
      LEFT JOIN imports i ON i.store_id = s.store_id
     WHERE i.store_id IS NULL
        OR ((i.leased_until IS NULL OR i.leased_until < now())
            AND (i.started_at <= now() - make_interval(secs => :every) OR i.resume_at <= now()))
     ORDER BY i.started_at NULLS FIRST LIMIT :most
""")
_BEGIN = sa.text("""
    INSERT INTO imports AS i (store_id, lease_token, leased_until)
    VALUES (:store_id, :token, now() + make_interval(secs => :lease))
        ON CONFLICT (store_id) DO UPDATE
       SET started_at = now(), lease_token = excluded.lease_token,
           leased_until = excluded.leased_until, resume_at = NULL
     WHERE (i.leased_until IS NULL OR i.leased_until < now())
       AND (i.started_at <= now() - make_interval(secs => :every) OR i.resume_at <= now())
    RETURNING i.read_until, i.returns_until, now() AS began_at
""")
_RENEW = sa.text("""
    UPDATE imports SET leased_until = now() + make_interval(secs => :lease)
     WHERE store_id = :store_id AND lease_token = :token AND leased_until > now()
    RETURNING store_id
""")
# Shared, so that nobody takes the store over before the caller's transaction has ended.
_HELD = sa.text("""
    SELECT store_id FROM imports
     WHERE store_id = :store_id AND lease_token = :token AND leased_until > now() FOR SHARE
""")


@dataclass(frozen=True, slots=True)
class ImportRun:
    """A run that holds the store's lease. read_until: where the last whole one began."""

    store_id: int
    token: UUID
    began_at: datetime
    read_until: datetime | None
    returns_until: datetime | None = None


@dataclass(slots=True)
class ImportTotals:
    """What a run came to.

    orders: listed; postponed: could not be read, and are tried again; stopped: why it broke off,
    None at the end; resume_in: seconds until it may go on, None where it has to wait its turn.
    whole_orders, whole_returns: everything of them was read.
    """

    orders: int = 0
    imported: int = 0
    changed: int = 0
    unreadable: int = 0
    returns: int = 0
    missed: int = 0
    postponed: int = 0
    stopped: str | None = None
    resume_in: float | None = None
    whole_orders: bool = False
    whole_returns: bool = False


async def due(connection: Connection, every: float) -> list[int]:
    """Stores whose last run began every seconds ago or may go on, the longest ago first."""
    rows = await connection.execute(_DUE, {"every": every, "most": MOST_DUE})
    return [row.store_id for row in rows]


async def begin(
    connection: Connection, store_id: int, token: UUID, every: float
) -> ImportRun | None:
    """Begin a run; None where another is at it, or began within every seconds."""
    values = {"store_id": store_id, "token": token, "lease": LEASE, "every": every}
    row = (await connection.execute(_BEGIN, values)).one_or_none()
    return (
        None
        if row is None
        else ImportRun(store_id, token, row.began_at, row.read_until, row.returns_until)
    )


async def renew(connection: Connection, run: ImportRun) -> bool:
    """Hold the store for another while; False when somebody else took it over."""
    values = {"store_id": run.store_id, "token": run.token, "lease": LEASE}
    return (await connection.execute(_RENEW, values)).first() is not None


async def held(connection: Connection, run: ImportRun) -> bool:
    """Whether the run still holds the store; then nobody takes it over in this transaction."""
    values = {"store_id": run.store_id, "token": run.token}
    return (await connection.execute(_HELD, values)).first() is not None


async def end(connection: Connection, run: ImportRun, tally: ImportTotals) -> None:
    """Write down what a run came to, where it still holds the store."""
    resume_in = tally.resume_in
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
            read_until=run.began_at if tally.whole_orders else imports.c.read_until,
            returns_until=run.began_at if tally.whole_returns else imports.c.returns_until,
            orders=tally.orders,
            imported=imports.c.imported + tally.imported,
            changed=imports.c.changed + tally.changed,
            missed=imports.c.missed + tally.missed,
            unreadable=tally.unreadable,
            stopped=tally.stopped,
        )
    )
