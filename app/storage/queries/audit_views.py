"""Reads the audit into views, newest first."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.domain.audited_act import AuditedAct
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import AuditedActView
from app.storage.tables import audit, stores


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which acts to list. None means every."""

    store_id: int | None = None
    actor: str | None = None
    what: tuple[AuditedAct, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Acts before this time."""


_SECRETS_SET = sql.load("queries/list_secrets_set.sql")
_COLUMNS = [
    stores.c.id.label("store_id"),
    *(
        audit.c[name]
        for name in (
            "id",
            "at",
            "what",
            "actor",
            "api_key",
            "address",
            "subject",
            "before",
            "after",
            "request_id",
        )
    ),
]


async def acts(
    connection: Connection, wanted: AuditFilter, page: KeysetPage
) -> tuple[list[AuditedActView], After | None]:
    """A page of the audit, newest first."""
    statement = (
        sa.select(*_COLUMNS)
        .select_from(audit.outerjoin(stores, stores.c.store_id == audit.c.store_id))
        .where(*_conditions(wanted))
        .order_by(audit.c.at.desc(), audit.c.id.desc())
        .limit(page.limit + 1)
    )
    if page.after is not None:
        at, identifier = page.after
        key = sa.tuple_(sa.literal(datetime.fromisoformat(at)), sa.cast(identifier, sa.Uuid))
        statement = statement.where(sa.tuple_(audit.c.at, audit.c.id) < key)
    rows, more = cut((await connection.execute(statement)).mappings().all(), page.limit)
    views = [AuditedActView(**{**row, "what": AuditedAct(row["what"])}) for row in rows]
    return views, (views[-1].at.isoformat(), str(views[-1].id)) if more else None


def _conditions(wanted: AuditFilter) -> list[sa.ColumnElement[bool]]:
    columns = audit.c
    found: list[sa.ColumnElement[bool]] = []
    if wanted.store_id is not None:
        found.append(columns.store_id == wanted.store_id)
    if wanted.actor is not None:
        found.append(columns.actor == wanted.actor)
    if wanted.what is not None:
        found.append(columns.what.in_([each.value for each in wanted.what]))
    if wanted.since is not None:
        found.append(columns.at >= wanted.since)
    if wanted.until is not None:
        found.append(columns.at < wanted.until)
    return found


@dataclass(frozen=True, slots=True)
class LastSet:
    """When a secret was set last, and by whom."""

    at: datetime
    actor: str


async def secrets_set(connection: Connection, store_id: int) -> dict[str, LastSet]:
    """The secrets of a store by their names in the audit, with their last change."""
    rows = await _SECRETS_SET.execute(connection, {"store_id": store_id})
    return {row.name: LastSet(row.at, row.actor) for row in rows}
