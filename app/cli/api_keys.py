"""`waybill keys …`: creates, lists and revokes API keys."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa

from app.domain import ids
from app.domain.errors import NotAvailable
from app.endings import CannotGoOn, Scope
from app.settings import EMBEDDED, Settings
from app.storage.postgres import readiness
from app.storage.postgres.database import Connection, Database, open_database
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.stores import api_keys, oauth_keys, stores
from app.storage.stores.secrets import SecretCipher

# Timelines show the name, and `keys list` in one line.
LONGEST_NAME = 100
Result = TypeVar("Result")


class CannotDo(CannotGoOn):
    """The command failed; the message says why."""


def is_name(name: str) -> bool:
    """Whether a key may have this name: one line, no blanks around it, at most LONGEST_NAME."""
    return name == name.strip() and name.isprintable() and 0 < len(name) <= LONGEST_NAME


def create(settings: Settings, *, name: str, store: str | None, scopes: Sequence[Scope]) -> str:
    """Create a key; returns its secret, which is shown only here. Raises CannotDo."""
    secret = api_keys.new_secret()

    async def work(connection: Connection) -> str:
        await _add(connection, name, store, scopes, secret)
        return secret

    return _do(settings, work)


def create_oauth(
    settings: Settings, *, name: str, store: str | None, scopes: Sequence[Scope]
) -> list[str]:
    """Create a key with OAuth credentials; returns a line for each of them. Raises CannotDo.

    The names are those of Magento's page of an integration.
    """
    cipher = SecretCipher(settings.required_keys())
    made = oauth_keys.new_credentials()

    async def work(connection: Connection) -> list[str]:
        key = await _add(connection, name, store, scopes, None)
        await oauth_keys.create(connection, key, made, cipher)
        return [
            f"Consumer Key: {made.consumer_key}",
            f"Consumer Secret: {made.consumer_secret}",
            f"Access Token: {made.access_token}",
            f"Access Token Secret: {made.access_token_secret}",
        ]

    return _do(settings, work)


async def _add(
    connection: Connection,
    name: str,
    store: str | None,
    scopes: Sequence[Scope],
    secret: str | None,
) -> UUID:
    """Add a key, and return its id. secret: None for a key that gets OAuth credentials."""
    found = None if store is None else await stores.identity(connection, store)
    if store is not None and found is None:
        raise CannotDo(f"There is no store {store}.")
    number = found[0] if found else None
    identifier = ids.new_id(
        number or 0, int(datetime.now(UTC).timestamp() * 1000), secrets.randbits(64)
    )
    try:
        await api_keys.create(
            connection,
            identifier=identifier,
            name=name,
            store_id=number,
            scopes=frozenset(scope.value for scope in scopes),
            secret=secret,
        )
    except api_keys.NameTaken as error:
        raise CannotDo(f"A key named {name} exists; names are never used twice.") from error
    return identifier


def listed(settings: Settings) -> list[str]:
    """A line for each key. Raises CannotDo."""

    async def work(connection: Connection) -> list[str]:
        found = await api_keys.list_keys(connection)
        return [_line(key) for key in found] or ["There is no key yet."]

    return _do(settings, work)


def revoke(settings: Settings, name: str) -> str:
    """Revoke a key. Raises CannotDo."""

    async def work(connection: Connection) -> str:
        if not await api_keys.revoke(connection, name):
            raise CannotDo(f"There is no key named {name} that still works.")
        return f"The key {name} ends within seconds."

    return _do(settings, work)


def _line(key: api_keys.ApiKey) -> str:
    where = "every store" if key.store_id is None else f"store number {key.store_id}"
    state = "revoked" if key.revoked_at else "works"
    made = f"{key.created_at:%Y-%m-%d}"
    kind = "signs (OAuth)" if key.oauth else "bearer"
    scopes = ",".join(sorted(key.scopes))
    return f"{key.name}\t{scopes}\t{where}\tmade {made}\t{state}\t{kind}"


def _do(settings: Settings, work: Callable[[Connection], Awaitable[Result]]) -> Result:
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
