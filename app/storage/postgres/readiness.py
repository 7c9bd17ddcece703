"""Whether the database can serve requests: it answers, takes writes, and its schema is at head."""

import sqlalchemy as sa
import structlog

from app.domain.errors import NotAvailable
from app.storage.postgres import revisions
from app.storage.postgres.database import Database
from app.storage.postgres.errors import REFUSED, sqlstate
from app.storage.postgres.retry import again

_log = structlog.get_logger(__name__)
# A read-only server refuses this statement; on others it changes nothing. It takes a table that the
# application may change, and that migrations hardly ever lock.
_WRITES = "SELECT FROM api_keys LIMIT 0 FOR UPDATE"


async def not_ready(database: Database) -> str | None:
    """Why requests cannot be served. None means ready."""
    try:
        current = await again(lambda: writable_revision(database))
    except NotAvailable as error:
        _log.warning("database_not_ready", cause=error.cause)
        return in_a_line(error)
    except sa.exc.SQLAlchemyError as error:
        return f"The database does not answer as it should: {in_a_line(error)}."
    head = revisions.head()
    # Old code on a newer schema is fine: migrations only add (expand before contract).
    if current is None or current < head:
        return (
            f"The schema is at {current or 'nothing'}, this version needs {head}: waybill migrate."
        )
    return None


async def writable_revision(database: Database) -> str | None:
    """The revision of the schema. None without one.

    Raises NotAvailable, also where the database takes no writes.
    """
    async with database.begin() as connection:
        current = await revisions.current(connection)
        if current is not None:
            # mutation: process-readiness
            # mutation: readiness-by-write
            await connection.exec_driver_sql(_WRITES)
    return current


def in_a_line(error: Exception) -> str:
    """A database error in one line, without the statement that SQLAlchemy adds.

    A refused connection is reported in PostgreSQL's own words.
    """
    refused = isinstance(error, NotAvailable) and sqlstate(error.__cause__).startswith(REFUSED)
    cause = _first_line(error.__cause__)
    return f"{error} It says: {cause}." if refused else _first_line(error)


def _first_line(error: BaseException | None) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
