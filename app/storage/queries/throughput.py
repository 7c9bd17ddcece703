"""Updates accepted and delivered in a span of time, by all processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self, TypeVar

from app.domain import ids
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement

# A range, and an index that begins with the store: older rows are never read.
_ACCEPTED = Statement("""
    SELECT u.kind, count(*) AS updates FROM stores AS s JOIN updates AS u ON u.store_id = s.store_id
     WHERE u.created_at >= :since AND u.created_at < :until
     GROUP BY u.kind
""")
_DELIVERED = sql.load("queries/count_deliveries.sql")
_LANDED = frozenset({"confirmed", "already_there"})
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Throughput:
    """Counts of accepted updates and of attempts."""

    accepted: Mapping[str, float] = field(default_factory=dict)
    """Updates by kind."""
    deliveries: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Attempts by kind and verdict."""
    lags: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """Attempts that Walmart confirmed, by kind and bucket: how many bounds the seconds since
    acceptance have reached."""
    lag_seconds: Mapping[str, float] = field(default_factory=dict)
    """The sum of these seconds by kind."""

    def __add__(self, other: Self) -> Self:
        return type(self)(
            _sum(self.accepted, other.accepted),
            _sum(self.deliveries, other.deliveries),
            _sum(self.lags, other.lags),
            _sum(self.lag_seconds, other.lag_seconds),
        )


async def throughput(
    connection: Connection, since: datetime, until: datetime, bounds: Sequence[float]
) -> Throughput:
    """Count from since until before until. bounds: of the buckets, in seconds, ascending."""
    span = {"since": since, "until": until}
    accepted = {row.kind: row.updates for row in await _ACCEPTED.execute(connection, span)}
    range_of_ids = {name: ids.first_id(at) for name, at in span.items()}
    found = Throughput(accepted=accepted)
    for row in await _DELIVERED.execute(connection, {**range_of_ids, "bounds": list(bounds)}):
        landed = row.verdict in _LANDED
        found += Throughput(
            deliveries={(row.kind, row.verdict): row.deliveries},
            lags={(row.kind, row.bucket): row.deliveries} if landed else {},
            lag_seconds={row.kind: row.seconds} if landed else {},
        )
    return found


def _sum(one: Mapping[Key, float], other: Mapping[Key, float]) -> dict[Key, float]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
