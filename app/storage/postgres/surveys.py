"""Surveys: statements that ask every shard of a cluster (Citus), one at a time in a deployment.

A survey costs a round trip to each shard, so its rate is of the whole deployment, whatever the
number of pollers: each takes the next slot of a table, and waits for it. The slots of the search
for due updates and those of all upkeep alternate, so that neither delays the other. One server
needs no turns.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sql import Statement

# Slots of a kind are two intervals apart; those of upkeep lie in the middle.
_TAKE = Statement("""
    UPDATE survey_slots s SET slot = v.slot
      FROM (SELECT n.at, greatest(o.slot + 1, ceil(n.at / :every - :shift)::bigint) AS slot
              FROM (SELECT extract(epoch FROM now())::float8 AS at) n
              CROSS JOIN survey_slots o WHERE o.store_id = 0 AND o.kind = :kind FOR UPDATE OF o) v
     WHERE s.store_id = 0 AND s.kind = :kind
    RETURNING (s.slot + :shift) * :every - v.at AS wait
""")
_FIRST = Statement("""
    INSERT INTO survey_slots (store_id, kind, slot) VALUES (0, :kind, 0) ON CONFLICT DO NOTHING
""")


class SurveyKind(Enum):
    """What a survey is for."""

    DUE = "due"
    """The search for due updates."""
    UPKEEP = "upkeep"


@asynccontextmanager
async def survey(database: Database) -> AsyncIterator[Connection]:
    """A transaction that may ask all shards, at its turn. Raises NotAvailable."""
    await asyncio.sleep(await reserve(database, SurveyKind.UPKEEP))
    async with database.begin() as connection:
        yield connection


async def reserve(database: Database, kind: SurveyKind) -> float:
    """Take the next slot; answers the seconds until it begins. Raises NotAvailable."""
    if not await database.is_sharded():
        return 0.0
    shift = 0.5 if kind is SurveyKind.UPKEEP else 0.0
    every = 2 * database.survey_interval
    values = {"kind": kind.value, "every": every, "shift": shift}
    while True:
        async with database.begin() as connection:
            wait = (await _TAKE.execute(connection, values)).scalar_one_or_none()
            if wait is not None:
                return max(float(wait), 0.0)
            await _FIRST.execute(connection, values)
