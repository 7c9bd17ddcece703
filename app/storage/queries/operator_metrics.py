"""Figures for operators, read from the database, so that they are true for all processes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement

_OPEN = sql.load("queries/count_open_updates.sql")
_NOW = sa.select(sa.func.now())
_PAUSED = Statement(
    "SELECT reason, count(*) AS lanes FROM lanes WHERE paused_until > now() GROUP BY reason"
)
_DRIFT = Statement("""
    SELECT d.key AS cause, sum(d.value::int)::int AS findings
      FROM reconciliations r CROSS JOIN LATERAL jsonb_each_text(r.drift) d GROUP BY d.key
""")
_RECONCILED = Statement("""
    SELECT coalesce(max(extract(epoch FROM now() - finished_at)), 0)::float FROM reconciliations
""")
_IMPORTS = Statement("""
    SELECT coalesce(sum(missed), 0)::bigint AS missed,
           coalesce(max(extract(epoch FROM now() - read_until)), 0)::float AS age,
           (SELECT count(*) FROM import_retries) AS retries,
           (SELECT count(*) FROM import_places WHERE stopped IS NOT NULL) AS stopped
      FROM imports
""")
_TRANSACTIONS = sql.load("queries/measure_oldest_transaction.sql")


@dataclass(frozen=True, slots=True)
class OperatorFigures:
    """Counts and ages at one moment. All ages are in seconds."""

    open: Mapping[tuple[str, str], int]
    """Updates that are not at rest by kind and state, failed ones included."""
    oldest_due: float
    """How long the longest waiting update is overdue."""
    paused: Mapping[str, int]
    """Paused lanes by reason."""
    drift: Mapping[str, int]
    """Findings that the last reconciliations left to a person, by cause."""
    reconciled: float
    """The age of the oldest of these reconciliations."""
    missed: int
    """Changes that polling found and that Walmart should have announced."""
    imported: float
    """The age of the oldest import of a store."""
    oldest_transaction: float
    """The age of the oldest transaction in this database, of those that can be seen."""
    unseen: int
    """Sessions that cannot be seen."""
    unread: int
    """Orders that could not be read and are tried again."""
    stopped: int
    """Lists whose last reading broke off."""
    at: datetime
    """The database's time of these figures."""


async def figures(connection: Connection) -> OperatorFigures:
    """Read the figures; open updates are counted by the partial index of open rows."""
    rows = (await _OPEN.execute(connection)).all()
    paused = (await _PAUSED.execute(connection)).all()
    imports = (await _IMPORTS.execute(connection)).one()
    transactions = (await _TRANSACTIONS.execute(connection)).one()
    return OperatorFigures(
        open={(row.kind, row.state): row.updates for row in rows},
        oldest_due=max((row.oldest_due for row in rows), default=0.0),
        paused={row.reason: row.lanes for row in paused},
        drift={row.cause: row.findings for row in await _DRIFT.execute(connection)},
        reconciled=(await _RECONCILED.execute(connection)).scalar_one(),
        missed=imports.missed,
        imported=imports.age,
        oldest_transaction=transactions.oldest,
        unseen=transactions.unseen,
        unread=imports.retries,
        stopped=imports.stopped,
        at=(await connection.execute(_NOW)).scalar_one(),
    )
