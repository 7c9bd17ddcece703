"""Which database errors are transient: one table for SQLAlchemy and for asyncpg."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import sqlalchemy as sa

from app.domain.errors import Busy, NotAvailable, Stale

# A lock time-out, a serialization failure, a deadlock.
_BUSY = frozenset({"55P03", "40001", "40P01"})
# A server that takes no writes, because a failover made it a standby.
READ_ONLY = "25006"
# A migration changed the columns of a prepared statement.
_OUTDATED = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)
# Transient classes of PostgreSQL errors (manual, appendix A): connection errors (08), a transaction
# that was ended because it was idle (25P03), a new connection that is refused (28) or finds no such
# database (3D), as during a failover or a restore; out of disk, memory or connections (53),
# shutdown or statement time-out (57), an I/O error (58).
REFUSED = ("28", "3D")
# mutation: refused-database-connection
_NOT_NOW = ("08", "25P03", *REFUSED, "53", "57", "58")
# Errors of a statement that lost its connection; a time-out is an OSError.
# mutation: lost-database-error
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, sa.exc.TimeoutError)
_MESSAGE = "The database cannot be reached or takes no writes now."
_HELD = "Another transaction holds a row that this needs."


def unavailable() -> NotAvailable:
    """The error of a database that cannot be reached or takes no writes now."""
    return NotAvailable("database_unavailable", _MESSAGE)


def sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of an error; empty if the error is not from PostgreSQL."""
    return getattr(_cause(error), "sqlstate", None) or ""


def meaning(error: Exception, *, alone: bool = False) -> NotAvailable | None:
    """The error that a caller gets instead. None means that it is a fault of ours.

    alone: only code of the driver and of the event loop ran, so that a RuntimeError means a broken
    connection as well.
    """
    cause, state = _cause(error), sqlstate(error)
    if state in _BUSY:
        return Busy("order_busy", _HELD)
    # mutation: repeat-after-migration
    if state == READ_ONLY or isinstance(cause, _OUTDATED):
        return Stale("database_unavailable", _MESSAGE)
    lost = isinstance(cause, LOST) or (alone and isinstance(cause, RuntimeError))
    if lost or state.startswith(_NOT_NOW) or getattr(error, "connection_invalidated", False):
        return unavailable()
    return None


@contextmanager
def translated(*, alone: bool = False) -> Iterator[None]:
    """Translate errors of the database. Raises Busy, Stale, NotAvailable."""
    try:
        yield
    except Exception as error:
        meant = meaning(error, alone=alone)
        if meant is None:
            raise
        raise meant from error


def _cause(error: BaseException | None) -> BaseException | None:
    """The driver's own error, which SQLAlchemy wraps twice."""
    orig = getattr(error, "orig", None)
    return error if orig is None else orig.__cause__ or orig
