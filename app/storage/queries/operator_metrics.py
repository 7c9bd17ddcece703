"""The numbers an operator watches, out of the database, so that they hold for all processes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.storage.postgres.database import Connection

_OPEN = sa.text("""
    SELECT u.kind, u.state, count(*) AS updates,
           coalesce(max(extract(epoch FROM now() - u.due_at))
                    FILTER (WHERE u.active AND u.state <> 'sending' AND u.due_at < now()), 0)::float
             AS oldest_due
      FROM stores s CROSS JOIN LATERAL (
        -- Of each store by an index: PostgreSQL may take what is open for more than it is.
        SELECT kind, state, active, due_at FROM updates WHERE store_id = s.store_id
           AND state IN ('pending', 'sending', 'retrying', 'verifying', 'failed') OFFSET 0) u
     GROUP BY u.kind, u.state
""")
_NOW = sa.select(sa.func.now())
_PAUSED = sa.text(
    "SELECT reason, count(*) AS lanes FROM lanes WHERE paused_until > now() GROUP BY reason"
)
_DRIFT = sa.text("""
    SELECT d.key AS cause, sum(d.value::int)::int AS findings
      FROM reconciliations r CROSS JOIN LATERAL jsonb_each_text(r.drift) d GROUP BY d.key
""")
_RECONCILED = sa.text("""
    SELECT coalesce(max(extract(epoch FROM now() - finished_at)), 0)::float FROM reconciliations
""")
_IMPORTS = sa.text("""
    SELECT coalesce(sum(missed), 0)::bigint AS missed,
           coalesce(max(extract(epoch FROM now() - read_until)), 0)::float AS age,
           (SELECT count(*) FROM import_retries) AS retries,
           (SELECT count(*) FROM import_places WHERE stopped IS NOT NULL) AS stopped
      FROM imports
""")
# What may still look at rows that are gone, so that no vacuum clears them away. Of other roles'
# sessions nothing is shown without the right to, not even when their transactions began. A vacuum
# itself keeps nothing.
_TRANSACTIONS = sa.text("""
    SELECT greatest(
             (SELECT max(extract(epoch FROM now() - a.xact_start))
                FROM pg_stat_activity a
               WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                 AND a.backend_type IS DISTINCT FROM 'autovacuum worker'),
             (SELECT max(extract(epoch FROM now() - p.prepared))
                FROM pg_prepared_xacts p WHERE p.database = current_database()),
             0)::float AS oldest,
           (SELECT count(*) FROM pg_stat_activity a
             WHERE a.datname = current_database()
               AND a.query = '<insufficient privilege>') AS unseen
""")


@dataclass(frozen=True, slots=True)
class OperatorFigures:
    """open: updates not at rest by (kind, state), failed ones included.

    oldest_due: seconds the longest waiting update is overdue; paused: lanes by reason; drift:
    what the last reconciliations left to a person, by cause; reconciled: seconds since the
    oldest of them; missed: what polling found that Walmart should have announced; imported:
    seconds since the store that is longest ago was read; oldest_transaction: seconds since
    somebody's transaction in this database began, of those that can be seen; unseen: sessions
    that cannot; unread: orders that could not be read and are tried again; stopped: lists whose
    last reading broke off; at: the database's time of all this.
    """

    open: Mapping[tuple[str, str], int]
    oldest_due: float
    paused: Mapping[str, int]
    drift: Mapping[str, int]
    reconciled: float
    missed: int
    imported: float
    oldest_transaction: float
    unseen: int
    unread: int
    stopped: int
    at: datetime


async def figures(connection: Connection) -> OperatorFigures:
    """Count what is open, over the partial index of open rows."""
    rows = (await connection.execute(_OPEN)).all()
    paused = (await connection.execute(_PAUSED)).all()
    imports = (await connection.execute(_IMPORTS)).one()
    transactions = (await connection.execute(_TRANSACTIONS)).one()
    return OperatorFigures(
        open={(row.kind, row.state): row.updates for row in rows},
        oldest_due=max((row.oldest_due for row in rows), default=0.0),
        paused={row.reason: row.lanes for row in paused},
        drift={row.cause: row.findings for row in await connection.execute(_DRIFT)},
        reconciled=(await connection.execute(_RECONCILED)).scalar_one(),
        missed=imports.missed,
        imported=imports.age,
        oldest_transaction=transactions.oldest,
        unseen=transactions.unseen,
        unread=imports.retries,
        stopped=imports.stopped,
        at=(await connection.execute(_NOW)).scalar_one(),
    )
