"""What a database's error means for a caller: one table, for SQLAlchemy and for asyncpg alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import sqlalchemy as sa

from app.domain.errors import Busy, NotAvailable, Stale

# A lock that was not to be had, and two transactions in each other's way.
_BUSY = frozenset({"55P03", "40001", "40P01"})
# A server that takes no writes: a failover made a standby of it.
READ_ONLY = "25006"
# A migration changed what a prepared statement answers.
_OUTDATED = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)
# PostgreSQL error classes that say "not now" (manual, appendix A): connection trouble (08), a
# transaction that was ended because it idled (25P03), a new connection that is refused (28) or
# finds no such database (3D), as during a failover or a restore; out of disk, memory or connections
# (53), shutting down or a statement that took too long (57), an I/O error (58).
REFUSED = ("28", "3D")
_NOT_NOW = ("08", "25P03", *REFUSED, "53", "57", "58")
# How a connection that goes away under a statement shows itself; a time-out is an OSError.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, sa.exc.TimeoutError)
_MESSAGE = "The database cannot be reached or takes no writes now."
_HELD = "Another transaction holds a row that this needs."


def unavailable() -> NotAvailable:
    """The error of a database that cannot be reached or takes no writes now."""
    return NotAvailable("database_unavailable", _MESSAGE)


def sqlstate(error: BaseException | None) -> str:
    """PostgreSQL's code of an error; empty where the error is not PostgreSQL's."""
    return getattr(_cause(error), "sqlstate", None) or ""


def meaning(error: Exception, *, alone: bool = False) -> NotAvailable | None:
    """The error that a caller gets instead; None for a fault of ours.

    alone: no code but the driver's and the loop's ran. Then "in the wrong state" is the
    connection's, too.
    """
    cause, state = _cause(error), sqlstate(error)
    if state in _BUSY:
        return Busy("order_busy", _HELD)
    if state == READ_ONLY or isinstance(cause, _OUTDATED):
        return Stale("database_unavailable", _MESSAGE)
    lost = isinstance(cause, LOST) or (alone and isinstance(cause, RuntimeError))
    if lost or state.startswith(_NOT_NOW) or getattr(error, "connection_invalidated", False):
        return unavailable()
    return None


@contextmanager
def translated(*, alone: bool = False) -> Iterator[None]:
    """Raise what an error of the database means. Raises Busy, Stale, NotAvailable."""
    try:
        yield
    except Exception as error:
        meant = meaning(error, alone=alone)
        if meant is None:
            raise
        raise meant from error


def _cause(error: BaseException | None) -> BaseException | None:
    """The driver's own error, beneath the two that SQLAlchemy makes of it."""
    orig = getattr(error, "orig", None)
    return error if orig is None else orig.__cause__ or orig
