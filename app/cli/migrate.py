"""`waybill migrate`: brings the schema to this version's."""

import alembic.util.exc
import sqlalchemy.exc

from app.endings import CannotGoOn
from app.settings import EMBEDDED, Settings
from app.storage.postgres import migrate as schema
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.postgres.readiness import in_a_line


class CannotMigrate(CannotGoOn):
    """The migration failed; the message says why."""


def migrate(settings: Settings) -> str:
    """Bring the schema to head; returns a line that says so. Raises CannotMigrate, BadSettings."""
    url = settings.required_database_url()
    if url == EMBEDDED:
        with EmbeddedPostgres.start(settings.data_dir) as server:
            return _upgrade(server.url)
    if settings.database_pooler == "transaction":
        if settings.database_direct_url is None:
            raise CannotMigrate(
                "WAYBILL_DATABASE_POOLER=transaction: migrations need WAYBILL_DATABASE_DIRECT_URL, "
                "an address that does not lead through the pooler."
            )
        url = settings.database_direct_url.get_secret_value()
    return _upgrade(url)


def _upgrade(url: str) -> str:
    try:
        schema.upgrade(url)
    except schema.SchemaBusy as error:
        raise CannotMigrate(f"The schema was not changed: {error}") from error
    except (
        sqlalchemy.exc.SQLAlchemyError,
        alembic.util.exc.CommandError,
        OSError,
        TimeoutError,
    ) as error:
        raise CannotMigrate(f"The schema was not changed: {in_a_line(error)}") from error
    return f"The schema is at {schema.head_revision()}."
