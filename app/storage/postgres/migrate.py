"""The database schema: migration to head."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from app.storage.postgres.revisions import MIGRATIONS

_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL manual, appendix A


class SchemaBusy(Exception):
    """The migration did not get a lock in time; a later run may get it."""


def configuration(url: str | None = None) -> Config:
    """Alembic's configuration; without a URL only commands that need no database work."""
    config = Config()
    # A percent sign in the folder's name would be read as a reference to another setting.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    if url is not None:
        config.attributes["url"] = url
    return config


def upgrade(url: str, *, lock_wait: float = 300.0) -> str | None:
    """Bring the schema to head; safe to run from every replica at once.

    Returns the revision of a newer schema, which stays as it is: this version works on it,
    because migrations only add. None means that the schema is at head.

    Waits up to `lock_wait` seconds for a migration in another process. Raises SchemaBusy if that,
    or a transaction on a table that changes, takes too long, and SQLAlchemy's DBAPIError for
    anything else that the database refuses; completed steps are kept. Blocks, and starts an event
    loop of its own: call it in a thread if one is running.
    """
    config = configuration(url)
    config.attributes["lock_wait"] = lock_wait
    try:
        command.upgrade(config, "head")
    except sa.exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise SchemaBusy(f"The schema is in use: {error.orig}. Run the migration again.") from error
    newer: str | None = config.attributes.get("newer")
    return newer
