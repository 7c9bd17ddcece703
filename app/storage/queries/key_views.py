"""Reads API keys into views, newest first, without their secrets."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import KeyView
from app.storage.stores.api_keys import PREVIOUS_UNTIL, works
from app.storage.tables import api_keys as table
from app.storage.tables import stores

_BY_STRENGTH = ("admin", "write", "read")


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Which keys to list. None means every."""

    store_id: int | None = None
    working: bool = False
    """Only keys that work."""


_COLUMNS = [
    table.c.id,
    table.c.name,
    table.c.scopes,
    stores.c.id.label("store_id"),
    sa.case((table.c.secret_hash.is_(None), "oauth"), else_="bearer").label("kind"),
    table.c.prefix,
    sa.case(
        (table.c.revoked_at.is_not(None), "revoked"), (works(), "works"), else_="expired"
    ).label("state"),
    table.c.created_at,
    table.c.created_by,
    table.c.expires_at,
    table.c.last_used_at,
    table.c.revoked_at,
    table.c.rotated_at,
    PREVIOUS_UNTIL,
]
_KEYS = sa.select(*_COLUMNS).select_from(
    table.outerjoin(stores, stores.c.store_id == table.c.store_id)
)


async def key(connection: Connection, identifier: UUID) -> KeyView | None:
    """One key by its id."""
    rows = await connection.execute(_KEYS.where(table.c.id == identifier))
    row = rows.mappings().one_or_none()
    return None if row is None else _view(row)


async def keys(
    connection: Connection, wanted: KeyFilter, page: KeysetPage
) -> tuple[list[KeyView], After | None]:
    """A page of keys, newest first."""
    statement = _KEYS.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(page.limit + 1)
    if wanted.store_id is not None:
        statement = statement.where(table.c.store_id == wanted.store_id)
    if wanted.working:
        statement = statement.where(works())
    if page.after is not None:
        at, identifier = page.after
        behind = sa.tuple_(sa.literal(datetime.fromisoformat(at)), sa.cast(identifier, sa.Uuid))
        statement = statement.where(sa.tuple_(table.c.created_at, table.c.id) < behind)
    rows, more = cut((await connection.execute(statement)).mappings().all(), page.limit)
    views = [_view(row) for row in rows]
    return views, (views[-1].created_at.isoformat(), str(views[-1].id)) if more else None


def _view(row: Any) -> KeyView:  # noqa: ANN401 - a row with _COLUMNS
    values = dict(row)
    scopes = values.pop("scopes")
    scope = next((each for each in _BY_STRENGTH if each in scopes), "none")
    return KeyView(scope=scope, **values)
