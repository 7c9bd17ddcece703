"""API keys: stored as digests, for one store or all, shown once when they are created."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection, violated
from app.storage.tables import api_keys

PREFIX = "wb_"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret."""

    id: UUID
    name: str
    store_id: int | None
    """None means every store."""
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    """From when on the key does not work. None means never."""
    oauth: bool
    """Whether requests are signed by OAuth 1.0a (`oauth_keys.py`). False means a bearer key."""


def new_secret() -> str:
    """A secret of 256 random bits, recognisable by its prefix."""
    return PREFIX + secrets.token_urlsafe(32)


def _digest(secret: str) -> bytes:
    # The secret is random and long, so a fast digest is as safe as a slow one.
    return hashlib.sha256(secret.encode(errors="replace")).digest()


KEY_COLUMNS = [
    api_keys.c.id,
    api_keys.c.name,
    api_keys.c.store_id,
    api_keys.c.scopes,
    api_keys.c.created_at,
    api_keys.c.revoked_at,
    api_keys.c.expires_at,
    api_keys.c.secret_hash.is_(None).label("oauth"),
]

_UNIQUE_NAME = "uq_api_keys_name"


def works() -> sa.ColumnElement[bool]:
    """The condition under which a key works."""
    # mutation: expired-key
    return sa.and_(
        api_keys.c.revoked_at.is_(None),
        sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > sa.func.now()),
    )


class NameTaken(Exception):
    """Another key has the name."""


async def create(
    connection: Connection,
    *,
    identifier: UUID,
    name: str,
    store_id: int | None,
    scopes: frozenset[str],
    secret: str | None,
    expires_at: datetime | None = None,
    created_by: str | None = None,
) -> None:
    """Create a key. secret: None for a key that gets OAuth credentials.

    expires_at: None means never. created_by: None means a command on the server.

    Raises NameTaken, also if the name is created twice at the same moment.
    """
    statement = sa.insert(api_keys).values(
        id=identifier,
        name=name,
        prefix="oauth" if secret is None else secret[:8],
        secret_hash=None if secret is None else _digest(secret),
        store_id=store_id,
        scopes=sorted(scopes),
        expires_at=expires_at,
        created_by=created_by,
    )
    try:
        await connection.execute(statement)
    except sa.exc.IntegrityError as error:
        if violated(error) == _UNIQUE_NAME:
            raise NameTaken(name) from error
        raise


async def find(connection: Connection, secret: str) -> ApiKey | None:
    """The key of a secret, unless it was revoked or expired."""
    statement = sa.select(*KEY_COLUMNS).where(api_keys.c.secret_hash == _digest(secret), works())
    row = (await connection.execute(statement)).mappings().one_or_none()
    return key_of(row) if row else None


async def get(connection: Connection, identifier: UUID) -> ApiKey | None:
    """The key with an id, also one that does not work."""
    statement = sa.select(*KEY_COLUMNS).where(api_keys.c.id == identifier)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return key_of(row) if row else None


async def is_working(connection: Connection, identifier: UUID) -> bool:
    """Whether there is such a key, neither revoked nor expired."""
    statement = sa.select(api_keys.c.id).where(api_keys.c.id == identifier, works())
    return (await connection.execute(statement)).first() is not None


async def named(connection: Connection, name: str) -> ApiKey | None:
    """The key with a name, also one that does not work."""
    statement = sa.select(*KEY_COLUMNS).where(api_keys.c.name == name)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return key_of(row) if row else None


async def use(connection: Connection, identifier: UUID) -> None:
    """Record that a key is used now."""
    statement = sa.update(api_keys).where(api_keys.c.id == identifier)
    await connection.execute(statement.values(last_used_at=sa.func.now()))


async def list_keys(connection: Connection) -> list[ApiKey]:
    """Every key, the revoked ones too, oldest first."""
    rows = await connection.execute(sa.select(*KEY_COLUMNS).order_by(api_keys.c.created_at))
    return [key_of(row) for row in rows.mappings()]


async def revoke(connection: Connection, name: str) -> bool:
    """Revoke a key; False if there is no valid key of that name."""
    statement = (
        sa.update(api_keys)
        .where(api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
        .returning(api_keys.c.id)
    )
    return (await connection.execute(statement)).first() is not None


def key_of(row: sa.RowMapping) -> ApiKey:
    """The key of a row that has KEY_COLUMNS."""
    values = {column.name: row[column.name] for column in KEY_COLUMNS}
    return ApiKey(**{**values, "scopes": frozenset(row["scopes"])})
