"""Presence of pollers: each has a shared advisory lock in the session by which it listens.

`waybill recover` takes the same lock exclusively, so it is refused while a poller lives, and a
poller that starts meanwhile waits. PostgreSQL releases the lock with the session, however the
process ended. Behind a transaction pooler there is no session: only leases show pollers.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.errors import LOST, cause_of, unavailable

LOCK = "hashtextextended('waybill:pollers', 0)"
SHARE = f"SELECT pg_advisory_lock_shared({LOCK})"
_ALONE = f"SELECT pg_try_advisory_lock({LOCK})"
# Seconds to connect.
PATIENCE = 10.0


@asynccontextmanager
async def alone(url: str) -> AsyncIterator[bool]:
    """Keep pollers out while the block runs; False if one is present.

    url is that of PostgreSQL itself, not of a pooler. Raises NotAvailable.
    """
    try:
        connection = await asyncpg.connect(**asyncpg_arguments(url), timeout=PATIENCE)
    except (*LOST, asyncpg.PostgresError, RuntimeError) as error:
        raise unavailable(cause_of(error)) from error
    try:
        yield bool(await connection.fetchval(_ALONE))
    finally:
        await connection.close()
