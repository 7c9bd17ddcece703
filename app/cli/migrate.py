"""`waybill migrate`: brings the schema to this version's."""

import alembic.util.exc
import sqlalchemy.exc

from app.endings import CannotGoOn
from app.settings import EMBEDDED, Settings
from app.storage.postgres import grants, revisions
from app.storage.postgres import migrate as schema
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.postgres.readiness import in_a_line


class CannotMigrate(CannotGoOn):
    """The migration failed; the message says why."""


def migrate(settings: Settings, *, grant_to: str | None = None) -> str:
    """Bring the schema to head; returns a line that says so. Raises CannotMigrate, BadSettings.

    grant_to: the role that the application runs as, which gets its rights to all tables.
    """
    url = owners_url(settings)
    if url == EMBEDDED:
        with EmbeddedPostgres.start(settings.data_dir) as server:
            return _upgrade(server.url, grant_to)
    return _upgrade(url, grant_to)


def owners_url(settings: Settings) -> str:
    """The address of the role that owns the tables, past any pooler; EMBEDDED is one too.

    Raises CannotMigrate, BadSettings.
    """
    if settings.migration_url is not None:
        return settings.migration_url.get_secret_value()
    url = settings.required_database_url()
    if url == EMBEDDED or settings.database_pooler != "transaction":
        return url
    if settings.database_direct_url is None:
        raise CannotMigrate(
            "WAYBILL_DATABASE_POOLER=transaction: migrations need WAYBILL_MIGRATION_URL or "
            "WAYBILL_DATABASE_DIRECT_URL, an address that does not lead through the pooler."
        )
    return settings.database_direct_url.get_secret_value()


def _upgrade(url: str, grant_to: str | None) -> str:
    try:
        newer = schema.upgrade(url)
    except schema.SchemaBusy as error:
        raise CannotMigrate(f"The schema was not changed: {error}") from error
    except (
        sqlalchemy.exc.SQLAlchemyError,
        alembic.util.exc.CommandError,
        OSError,
        TimeoutError,
    ) as error:
        raise CannotMigrate(f"The schema was not changed: {in_a_line(error)}") from error
    if newer is not None:
        return f"The schema is at {newer}, a newer version's. This version works on it as it is."
    head = f"The schema is at {revisions.head()}."
    return head if grant_to is None else f"{head} {_grant(url, grant_to)}"


def _grant(url: str, role: str) -> str:
    try:
        grants.give(url, role)
    except grants.CannotGrant as error:
        raise CannotMigrate(f"The schema is at head; rights were not granted: {error}.") from error
    except (sqlalchemy.exc.SQLAlchemyError, OSError, TimeoutError) as error:
        why = in_a_line(error)
        raise CannotMigrate(f"The schema is at head; rights were not granted: {why}") from error
    return f"{role} may read and write rows, and nothing else."
