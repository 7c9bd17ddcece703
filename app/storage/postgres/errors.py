"""Which database errors are transient: one table for SQLAlchemy and for asyncpg.

The caller gets one of three errors; the log gets the cause (docs/operations.md lists the words).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import sqlalchemy as sa

from app.domain.errors import Busy, NotAvailable, Stale
from app.storage.postgres.pool import PoolClosed, PoolExhausted

# A lock time-out, a serialization failure, a deadlock.
_BUSY = frozenset({"55P03", "40001", "40P01"})
# A server that takes no writes, because a failover made it a standby.
READ_ONLY = "25006"
# The role may not do what the statement does.
NO_RIGHT = "42501"
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
# Words for the log by SQLSTATE, or by its class.
CAUSES = {
    "25006": "database_read_only",
    "25P03": "transaction_was_idle",
    "40001": "serialization_failure",
    "40P01": "deadlock",
    "53100": "database_disk_full",
    "53300": "database_connections_used_up",
    "55P03": "row_locked",
    "57014": "statement_timeout",
    "57P03": "database_starting",
    "08": "connection_lost",
    "28": "database_refuses_role",
    "3D": "database_missing",
    "53": "database_out_of_resources",
    "57": "database_stopping",
    "58": "database_io_error",
}
# The same for errors of the driver, the first that fits.
OF_DRIVER: tuple[tuple[type[BaseException], str], ...] = (
    (PoolExhausted, "pool_exhausted"),
    (sa.exc.TimeoutError, "pool_exhausted"),
    (PoolClosed, "process_stopping"),
    (TimeoutError, "database_silent"),
    (asyncpg.InvalidCachedStatementError, "schema_changed"),
    (asyncpg.OutdatedSchemaCacheError, "schema_changed"),
    (OSError, "database_unreachable"),
)
_VIOLATION = "23"
_CONSTRAINT = re.compile(r'constraint "([^"]+)"')
# The names of Waybill's own constraints do not end in digits.
_SHARD = re.compile(r"_\d+$")
# What Citus says when it loses a worker within a statement, as a fault of its own.
_WORKER_LOST = "failure on connection marked as essential"
_MESSAGE = "The database cannot be reached or takes no writes now."
_HELD = "Another transaction holds a row that this needs."


def unavailable(cause: str) -> NotAvailable:
    """The error of a database that cannot be reached or takes no writes now."""
    return NotAvailable("database_unavailable", _MESSAGE, cause=cause)


def cause_of(error: BaseException) -> str:
    """Why the database did not answer, for the log: a word, and what the driver says."""
    found, state = _cause(error) or error, sqlstate(error)
    of_driver = (word for kind, word in OF_DRIVER if isinstance(found, kind))
    # mutation: cause-of-a-503
    word = CAUSES.get(state) or CAUSES.get(state[:2]) or next(of_driver, "connection_lost")
    said = str(found).strip().partition("\n")[0]
    return f"{word}: {said}" if said else word


def sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of an error; empty if the error is not from PostgreSQL."""
    return getattr(_cause(error), "sqlstate", None) or ""


def violated(error: BaseException) -> str | None:
    """The name of the violated constraint or unique index. None means that none was violated.

    An error of a server of a cluster has it in its message only, with the shard's number (Citus).
    """
    cause = _cause(error)
    named: str | None = getattr(cause, "constraint_name", None)
    if named is None and sqlstate(error).startswith(_VIOLATION):
        found = _CONSTRAINT.search(str(cause))
        named = found and found[1]
    # mutation: violated-in-a-shard
    return named and _SHARD.sub("", named)


def meaning(error: Exception, *, alone: bool = False) -> NotAvailable | None:
    """The error that a caller gets instead. None means that it is a fault of ours.

    alone: only code of the driver and of the event loop ran, so that a RuntimeError means a broken
    connection as well.
    """
    cause, state = _cause(error), sqlstate(error)
    if state in _BUSY:
        return Busy("order_busy", _HELD, cause=cause_of(error))
    # mutation: repeat-after-migration
    if state == READ_ONLY or isinstance(cause, _OUTDATED):
        return Stale("database_unavailable", _MESSAGE, cause=cause_of(error))
    lost = isinstance(cause, LOST) or (alone and isinstance(cause, RuntimeError))
    # mutation: lost-worker
    lost = lost or _WORKER_LOST in str(cause)
    if lost or state.startswith(_NOT_NOW) or getattr(error, "connection_invalidated", False):
        return unavailable(cause_of(error))
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
