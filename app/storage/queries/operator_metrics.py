"""Figures for operators, read from the database, so that they are true for all processes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.outbox.rate_limits import BREAK_AFTER
from app.domain.update import UNRESOLVED, Kind
from app.storage.postgres import presence, sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement
from app.storage.queries.lane_views import REASONS

_OPEN = sql.load("queries/count_open_updates.sql")
_POLLERS = sql.load("queries/count_pollers.sql", lock=presence.LOCK)
_DOUBTS = Statement("""
    SELECT count(*) AS in_doubt,
           greatest(coalesce(max(extract(epoch FROM now() - in_doubt_until)), 0), 0)::float
             AS oldest_doubt
      FROM updates WHERE in_doubt_until IS NOT NULL
""")
# As lane_views.py: a lane with an open circuit is not free between a pause and the trial call.
_PAUSED = Statement("""
    SELECT reason, count(*) AS lanes FROM lanes
     WHERE reason <> '' AND (paused_until > now() OR failures >= :failures::int) GROUP BY reason
""")
# Walmart's buckets are of a minute, so an older count says nothing.
_TOKENS = Statement("""
    SELECT endpoint, min(tokens) AS tokens FROM lanes
     WHERE tokens IS NOT NULL AND seen_at > now() - interval '1 minute' GROUP BY endpoint
""")
_DRIFT = Statement("""
    SELECT d.key AS cause, sum(d.value::int)::int AS findings
      FROM reconciliations r CROSS JOIN LATERAL jsonb_each_text(r.drift) d GROUP BY d.key
""")
_RECONCILED = Statement("""
    SELECT coalesce(max(extract(epoch FROM now() - finished_at)), 0)::float AS reconciled
      FROM reconciliations
""")
_IMPORTS = Statement("""
    SELECT * FROM (
      SELECT coalesce(sum(missed), 0)::bigint AS missed,
             coalesce(max(extract(epoch FROM now() - read_until)), 0)::float AS imported
        FROM imports) i,
      (SELECT count(*) AS unread FROM import_retries) r,
      (SELECT count(*) AS stopped FROM import_places WHERE stopped IS NOT NULL) p
""")
_NOTIFICATIONS = Statement("""
    SELECT count(*) AS notifications_failing FROM notification_queues
     WHERE failing_since IS NOT NULL OR given_up > 0
""")
_TRANSACTIONS = sql.load("queries/measure_oldest_transaction.sql")
# One row each, with columns named as the fields.
_SINGLE = (_DOUBTS, _RECONCILED, _IMPORTS, _NOTIFICATIONS, _TRANSACTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFigures:
    """Counts and ages at one moment. All ages are in seconds."""

    at: datetime
    """The database's time of these figures."""
    pollers: int | None
    """Pollers that are connected. None means that they cannot be seen."""
    open: Mapping[tuple[str, str], int]
    """Updates that are not at rest by kind and state, failed ones included."""
    queue_depth: Mapping[str, int]
    """Updates that are due by kind, whether or not they are paused."""
    queue_age: Mapping[str, float]
    """How long the longest waiting update of each kind is overdue."""
    urgent: Mapping[str, int]
    """Updates by state of orders that must be shipped soon or are late."""
    in_doubt: int
    """Updates with a write that may still take effect."""
    oldest_doubt: float
    """Since a read could have ended the oldest doubt."""
    paused: Mapping[str, int]
    """Lanes by reason that are paused or have an open circuit."""
    tokens: Mapping[str, int]
    """The fewest calls that a store has left, by endpoint. An endpoint of which Walmart has not
    said so for a minute is absent."""
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
    notifications_failing: int
    """Stores with a notification that does not arrive."""

    @property
    def oldest_due(self) -> float:
        """How long the longest waiting update is overdue."""
        return max(self.queue_age.values(), default=0.0)


async def figures(connection: Connection, *, sees_pollers: bool = True) -> OperatorFigures:
    """Read the figures; open updates are counted by the partial index of open rows.

    sees_pollers: pollers have a session each, by which they can be counted.
    """
    now = (await _POLLERS.execute(connection)).one()
    single: dict[str, Any] = {}
    for statement in _SINGLE:
        single |= (await statement.execute(connection)).mappings().one()
    lanes = await _PAUSED.execute(connection, {"failures": BREAK_AFTER})
    paused = {row.reason: row.lanes for row in lanes}
    return OperatorFigures(
        at=now.at,
        pollers=now.pollers if sees_pollers else None,
        **await _updates(connection),
        **single,
        # A reason that is not there is 0, so that an alert sees it end.
        paused=dict.fromkeys(REASONS, 0) | paused,
        tokens={row.endpoint: row.tokens for row in await _TOKENS.execute(connection)},
        drift={row.cause: row.findings for row in await _DRIFT.execute(connection)},
    )


async def _updates(connection: Connection) -> dict[str, Any]:
    """The fields that count updates. What is not there is 0, so that an alert sees it end."""
    rows = (await _OPEN.execute(connection)).all()
    counts: dict[str, dict[Any, Any]] = {
        "open": {(kind.value, state.value): 0 for kind in Kind for state in sorted(UNRESOLVED)},
        "queue_depth": {kind.value: 0 for kind in Kind},
        "queue_age": {kind.value: 0.0 for kind in Kind},
        "urgent": {state.value: 0 for state in sorted(UNRESOLVED)},
    }
    for row in rows:
        counts["open"][row.kind, row.state] = row.updates
        counts["queue_depth"][row.kind] += row.due
        counts["queue_age"][row.kind] = max(counts["queue_age"][row.kind], row.oldest_due)
        counts["urgent"][row.state] += row.urgent
    return counts
