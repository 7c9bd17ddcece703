"""Sessions of people on the page, and the one-time links by which they sign in.

Both are found by the digest of 256 random bits. A token begins with the number of its store, by
which the rows are distributed, and ends as a random secret.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.stores import api_keys
from app.storage.tables import api_keys as keys
from app.storage.tables import sessions, sign_in_links

IDLE = timedelta(hours=12)
"""A session ends when it was not used for so long."""
LONGEST = timedelta(days=7)
LINK_LIFETIME = timedelta(seconds=60)
# Uses are recorded no more often than this.
_RECORDED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Access:
    """What a session or a link allows, and the API key with which it ends."""

    name: str
    """The person, for the timeline."""
    store_id: int | None
    """None means every store."""
    scope: str
    key_id: UUID | None
    """None means the admin key of the settings, or the command line."""
    key_name: str
    admin_hash: bytes | None = None
    """Digest of the admin key of the settings, which made it."""

    @property
    def signature(self) -> str:
        """How timelines name the person: with the key, unless both have the same name."""
        same = self.name == self.key_name
        return self.name if same else f"{self.name} ({self.key_name})"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that has not ended."""

    id: UUID
    access: Access
    created_at: datetime
    last_seen_at: datetime
    ends_at: datetime
    """When it ends without another use."""


@dataclass(frozen=True, slots=True)
class UsedLink:
    """A link that was used just now."""

    access: Access
    path: str


def new_token(store_id: int | None) -> str:
    """A token of 256 random bits for a session or a link of a store; None means every store."""
    return f"{store_id or 0}-{secrets.token_urlsafe(32)}"


def digest(token: str) -> bytes:
    """What is stored of a token."""
    # The token is random and long, so a fast digest is as safe as a slow one.
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _store_of(token: str) -> int | None:
    number = token.partition("-")[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else None  # noqa: PLR2004 - digits of 32 bits


def _row(access: Access, token: str) -> dict[str, object]:
    return {
        "store_id": access.store_id or 0,
        "secret_hash": digest(token),
        "name": access.name,
        "key_id": access.key_id,
        "key_name": access.key_name,
        "admin_hash": access.admin_hash,
        "scope": access.scope,
    }


def _access(row: sa.RowMapping) -> Access:
    return Access(
        name=row["name"],
        store_id=row["store_id"] or None,
        scope=row["scope"],
        key_id=row["key_id"],
        key_name=row["key_name"],
        admin_hash=row["admin_hash"],
    )


async def create_link(
    connection: Connection, access: Access, token: str, path: str, lifetime: timedelta
) -> datetime:
    """Store a link to a page; returns when it expires."""
    statement = (
        sa.insert(sign_in_links)
        .values(**_row(access, token), path=path, expires_at=sa.func.now() + lifetime)
        .returning(sign_in_links.c.expires_at)
    )
    expires_at: datetime = (await connection.execute(statement)).scalar_one()
    return expires_at


async def find_link(connection: Connection, token: str) -> bool:
    """Whether a link can still be used."""
    statement = sa.select(sign_in_links.c.name).where(*_of_link(token))
    return (await connection.execute(statement)).first() is not None


async def use_link(connection: Connection, token: str) -> UsedLink | None:
    """Use a link, once; None for one that expired, was used, or never existed."""
    # mutation: sign-in-link-once
    statement = sa.delete(sign_in_links).where(*_of_link(token)).returning(sign_in_links)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return UsedLink(_access(row), row["path"]) if row else None


def _of_link(token: str) -> list[sa.ColumnElement[bool]]:
    link = sign_in_links.c
    # mutation: sign-in-link-expires
    return [
        link.store_id == _store_of(token),
        link.secret_hash == digest(token),
        link.expires_at > sa.func.now(),
        # Its session would be over before it began.
        sa.or_(
            link.key_id.is_(None),
            sa.exists().where(keys.c.id == link.key_id, api_keys.works()),
        ),
    ]


async def create(connection: Connection, access: Access, identifier: UUID, token: str) -> None:
    """Open a session."""
    statement = sa.insert(sessions).values(
        **_row(access, token), id=identifier, ends_at=sa.func.now() + LONGEST
    )
    await connection.execute(statement)


def open_sessions() -> sa.Select[tuple[object]]:
    """Open sessions with their keys; a session of an API key ends with it."""
    idle = sessions.c.last_seen_at + IDLE
    # mutation: session-ends-with-key
    of_working_key = sa.or_(sessions.c.key_id.is_(None), api_keys.works())
    return (
        sa.select(
            *[column for column in sessions.c if column.name != "ends_at"],
            sa.func.least(idle, sessions.c.ends_at).label("ends_at"),
            (sessions.c.last_seen_at < sa.func.now() - _RECORDED_EVERY).label("unrecorded"),
        )
        .select_from(sessions.outerjoin(keys, keys.c.id == sessions.c.key_id))
        .where(
            sa.func.least(idle, sessions.c.ends_at) > sa.func.now(),
            of_working_key,
        )
    )


async def find(connection: Connection, token: str, *, used: bool) -> OpenSession | None:
    """The session of a token. used: a person used it just now, so it lasts longer."""
    own = (sessions.c.store_id == _store_of(token), sessions.c.secret_hash == digest(token))
    row = (await connection.execute(open_sessions().where(*own))).mappings().one_or_none()
    if row is None:
        return None
    if used and row["unrecorded"]:
        seen = sa.update(sessions).where(*own).values(last_seen_at=sa.func.now())
        await connection.execute(seen)
        # Its end is later now.
        row = (await connection.execute(open_sessions().where(*own))).mappings().one()
    return _session(row)


async def working_digests(connection: Connection) -> set[bytes]:
    """The digests of all open sessions, and of all links that have not expired."""
    opened = open_sessions().with_only_columns(sessions.c.secret_hash)
    link = sign_in_links.c
    links = sa.select(link.secret_hash).where(link.expires_at > sa.func.now())
    found = [(await connection.execute(each)).scalars() for each in (opened, links)]
    return {each for some in found for each in some}


async def people_of_key(connection: Connection, key_id: UUID, *, most: int) -> list[str]:
    """The names of people with an open session of a key, in order."""
    names = open_sessions().where(sessions.c.key_id == key_id).subquery()
    statement = sa.select(names.c.name).distinct().order_by(names.c.name).limit(most)
    return list((await connection.execute(statement)).scalars())


async def end(connection: Connection, store_id: int, identifier: UUID) -> bool:
    """End a session; False if there is none of that id. store_id: 0 for one of every store."""
    statement = (
        sa.delete(sessions)
        .where(sessions.c.store_id == store_id, sessions.c.id == identifier)
        .returning(sessions.c.id)
    )
    return (await connection.execute(statement)).first() is not None


def _session(row: sa.RowMapping) -> OpenSession:
    return OpenSession(
        id=row["id"],
        access=_access(row),
        created_at=row["created_at"],
        last_seen_at=row["last_seen_at"],
        ends_at=row["ends_at"],
    )
