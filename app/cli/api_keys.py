"""`waybill keys …`: creates, lists, rotates and revokes API keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.cli import database_command, durations
from app.cli.database_command import CannotDo, new_id
from app.domain.errors import Conflict
from app.domain.scope import Scope
from app.settings import Settings
from app.storage import rate_limits
from app.storage.postgres.database import Connection
from app.storage.stores import api_keys, oauth_keys, stores
from app.storage.stores.secrets import SecretCipher
from app.usecases.keys import create as creation
from app.usecases.keys import revoke as revocation
from app.usecases.keys import rotate as rotation
from app.usecases.keys.create import NewKey
from app.usecases.keys.rotate import LONGEST_OVERLAP


@dataclass(frozen=True, slots=True)
class WantedKey:
    """A key to create, as it is given on the command line."""

    name: str
    store: str | None
    """The code or id of the one store that it may see. None means every store."""
    scopes: Sequence[Scope]
    expires_at: datetime | None = None


def create(settings: Settings, wanted: WantedKey) -> str:
    """Create a key; returns its secret, which is shown only here. Raises CannotDo."""
    secret = api_keys.new_secret()

    async def work(connection: Connection) -> str:
        await _add(connection, wanted, secret)
        return secret

    return database_command.run(settings, work)


def create_oauth(settings: Settings, wanted: WantedKey) -> list[str]:
    """Create a key with OAuth credentials; returns a line for each of them. Raises CannotDo.

    The names are those of Magento's page of an integration.
    """
    cipher = SecretCipher(settings.required_keys())
    made = oauth_keys.new_credentials()

    async def work(connection: Connection) -> list[str]:
        key = await _add(connection, wanted, None)
        await oauth_keys.create(connection, key, made, cipher)
        return [
            f"Consumer Key: {made.consumer_key}",
            f"Consumer Secret: {made.consumer_secret}",
            f"Access Token: {made.access_token}",
            f"Access Token Secret: {made.access_token_secret}",
        ]

    return database_command.run(settings, work)


async def _add(connection: Connection, wanted: WantedKey, secret: str | None) -> UUID:
    """Add a key, and return its id. secret: None for a key that gets OAuth credentials."""
    found = None if wanted.store is None else await stores.identity(connection, wanted.store)
    if wanted.store is not None and found is None:
        raise CannotDo(f"There is no store {wanted.store}.")
    if wanted.expires_at is not None and wanted.expires_at <= await rate_limits.now(connection):
        raise CannotDo("The key would have expired already: --expires needs a later day.")
    store_id = found[1] if found else None
    new = NewKey(wanted.name, frozenset(wanted.scopes), store_id, wanted.expires_at, secret)
    try:
        return await creation.add(connection, new_id, new, actor=None)
    except api_keys.NameTaken as error:
        raise CannotDo(f"A key named {wanted.name} exists; names are never used twice.") from error


def listed(settings: Settings) -> list[str]:
    """A line for each key. Raises CannotDo."""

    async def work(connection: Connection) -> list[str]:
        found = await api_keys.list_keys(connection)
        codes = {number: code for code, number in (await stores.codes(connection, None)).items()}
        return [_line(key, codes) for key in found] or ["There is no key yet."]

    return database_command.run(settings, work)


def parsed_overlap(text: str) -> timedelta:
    """Parse a duration: 0, 30m, 24h or 7d, at most 30 days. Raises ValueError."""
    overlap = timedelta() if text.strip() == "0" else durations.parse(text)
    if overlap is None:
        raise ValueError("give a duration such as 0, 30m, 24h or 7d.")
    if overlap > LONGEST_OVERLAP:
        raise ValueError(f"an overlap is at most {LONGEST_OVERLAP.days} days.")
    return overlap


def rotate(settings: Settings, name: str, overlap: timedelta) -> list[str]:
    """Rotate a key; returns its new secret, and a line about the old one. Raises CannotDo."""
    secret = api_keys.new_secret()

    async def work(connection: Connection) -> list[str]:
        key = await api_keys.named(connection, name)
        if key is None:
            raise CannotDo(f"There is no key named {name}.")
        try:
            rotated = await rotation.renew(connection, new_id, key, secret, overlap, actor=None)
        except Conflict as error:
            raise CannotDo(str(error)) from error
        until = rotated.previous_until
        ends = "ends within seconds" if until is None else f"works until {_time(until)}"
        return [secret, f"The secret before {ends}."]

    return database_command.run(settings, work)


def revoke(settings: Settings, name: str) -> str:
    """Revoke a key. Raises CannotDo."""

    async def work(connection: Connection) -> str:
        key = await api_keys.named(connection, name)
        if key is None or not await revocation.end(connection, new_id, key, actor=None):
            raise CannotDo(f"There is no key named {name} that still works.")
        return f"The key {name} ends within seconds."

    return database_command.run(settings, work)


def _line(key: api_keys.ApiKey, codes: Mapping[int, str]) -> str:
    """Name, scopes, store, creation, state, kind and last use, with tabs between."""
    where = "every store" if key.store_id is None else f"store {codes[key.store_id]}"
    state = "revoked" if key.revoked_at else _works(key)
    made = f"{key.created_at:%Y-%m-%d}"
    kind = "signs (OAuth)" if key.oauth else "bearer"
    scopes = ",".join(sorted(key.scopes))
    used = "never used" if key.last_used_at is None else f"used {_time(key.last_used_at)}"
    return "\t".join((key.name, scopes, where, f"made {made}", state, kind, used))


def _works(key: api_keys.ApiKey) -> str:
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return f"expired {_time(key.expires_at)}"
    until = "" if key.expires_at is None else f" until {_time(key.expires_at)}"
    also = "" if key.previous_until is None else f", old secret until {_time(key.previous_until)}"
    return f"works{until}{also}"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
