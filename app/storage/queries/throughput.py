"""What was accepted and delivered in a span of time, whichever process did it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self, TypeVar
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection

# Spans, and an index that begins with the store: what was long ago is never looked at.
_ACCEPTED = sa.text("""
    SELECT u.kind, count(*) AS updates
      FROM stores AS s JOIN updates AS u ON u.store_id = s.store_id
     WHERE u.created_at >= :since AND u.created_at < :until
     GROUP BY u.kind
""")
_DELIVERED = sa.text("""
    SELECT d.kind, d.verdict, width_bucket(d.lag, CAST(:bounds AS float8[])) AS bucket,
           count(*) AS deliveries, sum(d.lag) AS seconds
      FROM (SELECT u.kind, a.verdict,
                   greatest(extract(epoch FROM a.ended_at - u.created_at), 0)::float8 AS lag
              FROM stores AS s
              JOIN attempts AS a ON a.store_id = s.store_id
              JOIN updates AS u ON u.store_id = a.store_id AND u.id = a.update_id
             WHERE a.id >= :since AND a.id < :until) AS d
     GROUP BY d.kind, d.verdict, bucket
""").bindparams(sa.bindparam("since", type_=sa.Uuid), sa.bindparam("until", type_=sa.Uuid))
_LANDED = frozenset({"confirmed", "already_there"})
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Throughput:
    """accepted: updates by kind; deliveries: tries by (kind, verdict).

    lags: tries that brought Walmart's word, by (kind, bucket), where bucket is the number of
    bounds that the seconds since acceptance have reached; lag_seconds: their sum by kind.
    """

    accepted: Mapping[str, float] = field(default_factory=dict)
    deliveries: Mapping[tuple[str, str], float] = field(default_factory=dict)
    lags: Mapping[tuple[str, int], float] = field(default_factory=dict)
    lag_seconds: Mapping[str, float] = field(default_factory=dict)

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
    """Count what came to be from since until before until; bounds in seconds, ascending."""
    span = {"since": since, "until": until}
    accepted = {row.kind: row.updates for row in await connection.execute(_ACCEPTED, span)}
    ids = {name: _first_id(at) for name, at in span.items()}
    found = Throughput(accepted=accepted)
    for row in await connection.execute(_DELIVERED, {**ids, "bounds": list(bounds)}):
        landed = row.verdict in _LANDED
        found += Throughput(
            deliveries={(row.kind, row.verdict): row.deliveries},
            lags={(row.kind, row.bucket): row.deliveries} if landed else {},
            lag_seconds={row.kind: row.seconds} if landed else {},
        )
    return found


def _first_id(at: datetime) -> UUID:
    """The least id that can be made at a moment (domain/ids.py)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _sum(one: Mapping[Key, float], other: Mapping[Key, float]) -> dict[Key, float]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
