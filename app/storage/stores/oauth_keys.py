"""OAuth 1.0a credentials of API keys: encrypted like a store's secrets, and nonces used once."""

import secrets
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.storage.postgres.database import Connection
from app.storage.stores.api_keys import KEY_COLUMNS, ApiKey, key_of, works
from app.storage.stores.secrets import SecretCipher
from app.storage.tables import api_keys, oauth_credentials, oauth_nonces


@dataclass(frozen=True, slots=True)
class OAuthCredentials:
    """What a client signs with, under Magento's names."""

    consumer_key: str
    consumer_secret: str = field(repr=False)
    access_token: str
    access_token_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthKey:
    """An API key with its OAuth credentials."""

    key: ApiKey
    credentials: OAuthCredentials
    now: int
    """The database's time, in seconds since 1970."""


def new_credentials() -> OAuthCredentials:
    """New credentials: 32 characters each, as Magento's are, of 128 random bits."""
    return OAuthCredentials(*(secrets.token_hex(16) for _ in range(4)))


async def create(
    connection: Connection, key_id: UUID, credentials: OAuthCredentials, cipher: SecretCipher
) -> None:
    """Give an API key its credentials."""
    # mutation: oauth-secrets-encrypted
    statement = sa.insert(oauth_credentials).values(
        key_id=key_id,
        consumer_key=credentials.consumer_key,
        consumer_secret=cipher.seal(credentials.consumer_secret),
        access_token=credentials.access_token,
        access_token_secret=cipher.seal(credentials.access_token_secret),
    )
    await connection.execute(statement)


async def find(connection: Connection, consumer_key: str, cipher: SecretCipher) -> OAuthKey | None:
    """The API key with a consumer key, unless it was revoked or expired. Raises CannotDecrypt."""
    given = oauth_credentials.c
    statement = (
        sa.select(
            *KEY_COLUMNS,
            given.consumer_secret,
            given.access_token,
            given.access_token_secret,
            sa.cast(sa.extract("epoch", sa.func.now()), sa.BigInteger).label("now"),
        )
        .join(oauth_credentials, given.key_id == api_keys.c.id)
        .where(given.consumer_key == consumer_key, works())
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        return None
    credentials = OAuthCredentials(
        consumer_key,
        cipher.open(row["consumer_secret"]),
        row["access_token"],
        cipher.open(row["access_token_secret"]),
    )
    return OAuthKey(key_of(row), credentials, row["now"])


async def working_consumers(connection: Connection) -> list[str]:
    """The consumer keys of all API keys that work."""
    given = oauth_credentials.c
    statement = sa.select(given.consumer_key).join(api_keys, given.key_id == api_keys.c.id)
    return list((await connection.execute(statement.where(works()))).scalars())


async def use_nonce(connection: Connection, key: ApiKey, timestamp: int, nonce: str) -> bool:
    """Use a nonce; False if the key used it before with the same timestamp."""
    statement = (
        insert(oauth_nonces)
        .values(store_id=key.store_id or 0, key_id=key.id, timestamp=timestamp, nonce=nonce)
        .on_conflict_do_nothing()
        .returning(oauth_nonces.c.key_id)
    )
    return (await connection.execute(statement)).first() is not None
