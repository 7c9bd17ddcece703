"""Reads sessions of people into views, newest first."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import SessionView
from app.storage.stores.sessions import open_sessions
from app.storage.tables import stores

_FOUND = open_sessions().cte("found")
_SESSIONS = sa.select(
    _FOUND.c.id,
    _FOUND.c.name,
    _FOUND.c.scope,
    stores.c.id.label("store_id"),
    _FOUND.c.key_id,
    _FOUND.c.key_name,
    _FOUND.c.created_at,
    _FOUND.c.last_seen_at,
    _FOUND.c.ends_at,
).select_from(_FOUND.outerjoin(stores, stores.c.store_id == _FOUND.c.store_id))


async def session(connection: Connection, store_id: int, identifier: UUID) -> SessionView | None:
    """One open session. store_id: 0 for a session of every store."""
    own = _FOUND.c.store_id == store_id, _FOUND.c.id == identifier
    row = (await connection.execute(_SESSIONS.where(*own))).mappings().one_or_none()
    return SessionView(**row) if row else None


async def sessions(
    connection: Connection, only: int | None, page: KeysetPage
) -> tuple[list[SessionView], After | None]:
    """A page of open sessions. only: the number of the one store of which they are listed."""
    statement = _SESSIONS.order_by(_FOUND.c.created_at.desc(), _FOUND.c.id.desc())
    statement = statement.limit(page.limit + 1)
    if only is not None:
        statement = statement.where(_FOUND.c.store_id == only)
    if page.after is not None:
        at, identifier = page.after
        behind = sa.tuple_(sa.literal(datetime.fromisoformat(at)), sa.cast(identifier, sa.Uuid))
        statement = statement.where(sa.tuple_(_FOUND.c.created_at, _FOUND.c.id) < behind)
    rows, more = cut((await connection.execute(statement)).mappings().all(), page.limit)
    views = [SessionView(**row) for row in rows]
    return views, (views[-1].created_at.isoformat(), str(views[-1].id)) if more else None
