"""Make a sign-in link, open a session by a link or a key, and end it. The audit records each."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.storage import audit, idempotency
from app.storage.audit import NO_STORE, Act
from app.storage.idempotency import IdempotentRequest
from app.storage.postgres.database import Connection
from app.storage.stores import sessions
from app.storage.stores.sessions import LINK_LIFETIME, Access
from app.storage.timeline import NewId
from app.usecases.context import AppContext


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link that signs a person in, once."""

    token: str = field(repr=False)
    """Empty in the answer that is stored under an Idempotency-Key."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Entered:
    """A session that was opened by a link."""

    token: str = field(repr=False)
    """Of the session, for its cookie."""
    path: str
    """The page that the link opens."""


async def make_link(
    context: AppContext,
    access: Access,
    path: str,
    *,
    once: IdempotentRequest | None = None,
) -> MadeLink:
    """Make a link that opens a page."""
    async with context.transaction(once) as connection:
        made = await add_link(connection, context.new_id, access, path, LINK_LIFETIME)
        # mutation: sign-in-link-not-replayed
        await idempotency.store(connection, once, MadeLink("", made.expires_at))
    return made


async def add_link(
    connection: Connection, new_id: NewId, access: Access, path: str, lifetime: timedelta
) -> MadeLink:
    """Make a link in a transaction. It is an act of the key, or of a command on the server."""
    token = sessions.new_token(access.store_id)
    expires_at = await sessions.create_link(connection, access, token, path, lifetime)
    await _record(new_id, connection, AuditedAct.SIGN_IN_LINK_CREATED, access)
    return MadeLink(token, expires_at)


async def link_works(context: AppContext, token: str) -> bool | None:
    """True for a link that can still be used, None for any other."""
    async with context.database.begin() as connection:
        return await sessions.find_link(connection, token) or None


async def enter(context: AppContext, token: str) -> Entered | None:
    """Use a link, and open a session; None for a link that expired or was used."""
    async with context.transaction() as connection:
        used = await sessions.use_link(connection, token)
        if used is None:
            return None
        return Entered(await _open(context, connection, used.access), used.path)


async def sign_in(context: AppContext, access: Access) -> str:
    """Open a session of a key that was checked; returns the token for its cookie."""
    async with context.transaction() as connection:
        return await _open(context, connection, access)


async def end_session(context: AppContext, store_id: int, identifier: UUID, *, actor: str) -> bool:
    """End a session; False if the store has none of that id. store_id: 0 for every store."""
    async with context.transaction() as connection:
        ended = await sessions.end(connection, store_id, identifier)
        if ended:
            act = Act(AuditedAct.SIGNED_OUT, actor, str(identifier), store_id)
            await audit.record(connection, context.new_id, act)
        return ended


async def _open(context: AppContext, connection: Connection, access: Access) -> str:
    token = sessions.new_token(access.store_id)
    await sessions.create(connection, access, context.new_id(access.store_id or 0), token)
    # mutation: audit-of-sign-ins
    await _record(context.new_id, connection, AuditedAct.SIGNED_IN, access)
    return token


async def _record(new_id: NewId, connection: Connection, what: AuditedAct, access: Access) -> None:
    """Record an act with which a person comes. It is the key's act that made a link."""
    link = what is AuditedAct.SIGN_IN_LINK_CREATED
    actor = access.key_name if link else access.name
    after = {"key": access.key_name, "scope": access.scope}
    act = Act(what, actor, access.name, access.store_id or NO_STORE, after=after)
    await audit.record(connection, new_id, act)
