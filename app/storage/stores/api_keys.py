"""API keys: stored as digests, for one store or all, shown once when they are created."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.postgres.errors import violated
from app.storage.tables import api_keys, replaced_secrets

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
    previous_until: datetime | None
    """Until when a secret works that a rotation replaced. None means that none does."""
    last_used_at: datetime | None
    """Exact to about a minute. None means not used since this is recorded."""
    oauth: bool
    """Whether requests are signed by OAuth 1.0a (`oauth_keys.py`). False means a bearer key."""


def new_secret() -> str:
    """A secret of 256 random bits, recognisable by its prefix."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """What is stored of a secret."""
    # The secret is random and long, so a fast digest is as safe as a slow one.
    return hashlib.sha256(secret.encode(errors="replace")).digest()


PREVIOUS_UNTIL = (
    sa.select(sa.func.max(replaced_secrets.c.until))
    .where(
        replaced_secrets.c.key_id == api_keys.c.id,
        replaced_secrets.c.until > sa.func.now(),
    )
    .scalar_subquery()
    .label("previous_until")
)
"""Until when a secret works that a rotation replaced. NULL where none does."""
KEY_COLUMNS = [
    api_keys.c.id,
    api_keys.c.name,
    api_keys.c.store_id,
    api_keys.c.scopes,
    api_keys.c.created_at,
    api_keys.c.revoked_at,
    api_keys.c.expires_at,
    PREVIOUS_UNTIL,
    api_keys.c.last_used_at,
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
        secret_hash=None if secret is None else digest_of(secret),
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
    """The key of a secret, unless it was revoked or expired, or the secret was replaced."""
    # mutation: rotated-secret-ends
    statement = sa.select(*KEY_COLUMNS).where(_of(secret, replaced_secrets.c.until > sa.func.now()))
    row = (await connection.execute(statement.where(works()))).mappings().one_or_none()
    return key_of(row) if row else None


async def find_ended(connection: Connection, secret: str) -> ApiKey | None:
    """The key that a secret is or was of, whether it works or not."""
    statement = sa.select(*KEY_COLUMNS).where(_of(secret))
    row = (await connection.execute(statement)).mappings().one_or_none()
    return key_of(row) if row else None


def _of(secret: str, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The key of a secret. conditions: under which one that was replaced counts."""
    old = replaced_secrets.c
    digest = digest_of(secret)
    replaced = sa.select(old.key_id).where(old.secret_hash == digest, *conditions)
    return sa.or_(api_keys.c.secret_hash == digest, api_keys.c.id == replaced.scalar_subquery())


async def working_digests(connection: Connection) -> set[bytes]:
    """The digests of all secrets that work."""
    old = replaced_secrets.c
    replaced = sa.select(old.secret_hash).join(api_keys, api_keys.c.id == old.key_id)
    statement = sa.union_all(
        sa.select(api_keys.c.secret_hash).where(works(), api_keys.c.secret_hash.is_not(None)),
        replaced.where(works(), old.until > sa.func.now()),
    )
    return set((await connection.execute(statement)).scalars())


async def rotate(
    connection: Connection, identifier: UUID, secret: str, overlap: timedelta
) -> ApiKey | None:
    """Give a bearer key that works a new secret; earlier ones work for the overlap at most.

    None if there is no such key.
    """
    columns, old = api_keys.c, replaced_secrets.c
    # Locked, so that of two rotations at once the second replaces the secret of the first.
    statement = sa.select(columns.secret_hash).where(columns.id == identifier, works())
    present = (await connection.execute(statement.with_for_update())).scalar_one_or_none()
    if present is None:
        return None
    until = sa.func.now() + overlap
    shorter = sa.update(replaced_secrets).values(until=sa.func.least(old.until, until))
    # mutation: rotation-ends-earlier-secrets
    await connection.execute(shorter.where(old.key_id == identifier))
    values = {"secret_hash": present, "key_id": identifier, "until": until}
    await connection.execute(sa.insert(replaced_secrets).values(values))
    renewed = {"secret_hash": digest_of(secret), "prefix": secret[:8], "rotated_at": sa.func.now()}
    await connection.execute(sa.update(api_keys).where(columns.id == identifier).values(renewed))
    return await get(connection, identifier)


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
