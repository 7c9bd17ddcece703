"""`waybill keys …`: API keys, on the command line."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from app.orders import ids
from app.orders.errors import NotAvailable
from app.settings import EMBEDDED, Settings
from app.storage import keys, stores
from app.storage.database import Connection, open_database
from app.storage.embedded import EmbeddedPostgres

SCOPES = ("read", "write", "admin")
Result = TypeVar("Result")


class CannotDo(Exception):
    """The command failed; the message says why."""


def create(settings: Settings, *, name: str, store: UUID | None, scopes: Sequence[str]) -> str:
    """Make a key; answers its secret, which is shown nowhere else. Raises CannotDo."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise CannotDo(f"No such scope: {unknown[0]}. There are {', '.join(SCOPES)}.")
    secret = keys.new_secret()

    async def work(connection: Connection) -> str:
        number = None if store is None else await stores.number_of(connection, store)
        if store is not None and number is None:
            raise CannotDo(f"There is no store {store}.")
        identifier = ids.new_id(
            number or 0, int(datetime.now(UTC).timestamp() * 1000), secrets.randbits(64)
        )
        try:
            await keys.create(
                connection,
                identifier=identifier,
                name=name,
                store_id=number,
                scopes=frozenset(scopes),
                secret=secret,
            )
        except keys.NameTaken as error:
            raise CannotDo(f"A key named {name} exists; names are never used twice.") from error
        return secret

    return _do(settings, work)


def listed(settings: Settings) -> list[str]:
    """A line for each key. Raises CannotDo."""

    async def work(connection: Connection) -> list[str]:
        found = await keys.list_keys(connection)
        return [_line(key) for key in found] or ["There is no key yet."]

    return _do(settings, work)


def revoke(settings: Settings, name: str) -> str:
    """End a key. Raises CannotDo."""

    async def work(connection: Connection) -> str:
        if not await keys.revoke(connection, name):
            raise CannotDo(f"There is no key named {name} that still works.")
        return f"The key {name} ends within seconds."

    return _do(settings, work)


def _line(key: keys.Key) -> str:
    where = "every store" if key.store_id is None else f"store number {key.store_id}"
    state = "revoked" if key.revoked_at else "works"
    made = f"{key.created_at:%Y-%m-%d}"
    return f"{key.name}\t{','.join(sorted(key.scopes))}\t{where}\tmade {made}\t{state}"


def _do(settings: Settings, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    url = settings.required_database_url()
    if url != EMBEDDED:
        return asyncio.run(_transaction(url, work))
    with EmbeddedPostgres.start(settings.data_dir) as server:
        return asyncio.run(_transaction(server.url, work))


async def _transaction(url: str, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    database = open_database(url, pool_size=2)
    try:
        async with database.begin() as connection:
            return await work(connection)
    except NotAvailable as error:
        raise CannotDo(str(error)) from error
    finally:
        await database.close()
