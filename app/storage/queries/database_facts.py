"""What `waybill doctor` asks about the database itself."""

from dataclasses import dataclass

from app.storage.postgres import presence, sql
from app.storage.postgres.database import Connection

_EXAMINE = sql.load("queries/examine_database.sql", lock=presence.LOCK)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The database as the session's role sees it."""

    role: str
    superuser: bool
    administers: bool
    """Whether the role may make roles or databases, replicate, or pass over row security."""
    may_create: bool
    """Whether it may create tables."""
    owned: int
    """Tables that it owns, by itself or as a member of their owner."""
    truncatable: int
    """Tables that it may truncate."""
    may_rewrite: bool
    """Whether it may change rows of the audit."""
    most_connections: int
    """Connections that are not reserved, and that role and database are allowed."""
    connected: int
    """Connections to the whole server."""
    size: int
    """Bytes of the database."""
    folder: str | None
    """The server's data folder. None means that the role may not see it."""
    archives: bool
    """Whether the server archives its write-ahead log."""
    archived: float | None
    """Seconds since the last segment was archived. None means never."""
    archive_fails: bool
    """Whether the last segment could not be archived."""
    pollers: int
    """Pollers that listen; behind a pooler they are not seen."""


async def database_facts(connection: Connection) -> DatabaseFacts:
    """Examine the database."""
    row = (await _EXAMINE.execute(connection)).mappings().one()
    return DatabaseFacts(**row)
