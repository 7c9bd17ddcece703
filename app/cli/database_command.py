"""What commands share that write one transaction: the database of the settings, and new ids."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa

from app.domain import ids
from app.domain.errors import NotAvailable
from app.endings import CannotGoOn
from app.settings import EMBEDDED, Settings
from app.storage.postgres import readiness
from app.storage.postgres.database import Connection, Database, open_database
from app.storage.postgres.embedded import EmbeddedPostgres

Result = TypeVar("Result")


class CannotDo(CannotGoOn):
    """The command failed; the message says why."""


def new_id(store_id: int) -> UUID:
    """An id for a row of a store."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    return ids.new_id(store_id, now, secrets.randbits(64))


def run(settings: Settings, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Run work in a transaction. Raises CannotDo."""
    url = settings.required_database_url()
    pooler = settings.database_pooler == "transaction"
    if url != EMBEDDED:
        return asyncio.run(_transaction(open_database(url, pool_size=2, pooler=pooler), work))
    with EmbeddedPostgres.start(settings.data_dir) as server:
        return asyncio.run(_transaction(open_database(server.url, pool_size=2), work))


async def _transaction(
    database: Database, work: Callable[[Connection], Awaitable[Result]]
) -> Result:
    try:
        why_not = await readiness.not_ready(database)
        if why_not is not None:
            raise CannotDo(why_not)
        async with database.begin() as connection:
            return await work(connection)
    except NotAvailable as error:
        raise CannotDo(str(error)) from error
    except sa.exc.SQLAlchemyError as error:
        raise CannotDo(f"The database refused: {readiness.in_a_line(error)}.") from error
    finally:
        await database.close()
