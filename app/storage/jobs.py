"""Jobs: made by a request, taken by one poller at a time, saved after each batch.

A poller has a job for a batch under a lease. What the batch acts on is written before it acts. A
poller that crashed loses the job when the lease ends, and the batch begins again: each act stores
its result under a key, so that none is done twice (`app/usecases/job_batches/run.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID, uuid4

from app.storage.postgres.database import Connection, Database
from app.storage.postgres.sql import Statement
from app.storage.postgres.surveys import survey

# Seconds until a lease ends, and between two renewals while its batch goes on.
LEASE, RENEWED_EVERY = 45.0, 10.0
# Batches in a row that did not end, after which a job has failed.
MOST_TRIES = 5
# How many ids a result keeps.
SAMPLE = 20
_ADD = Statement("""
    INSERT INTO jobs (store_id, id, kind, selection, options, actor, origin)
    VALUES (:store_id, :id, :kind, :selection::jsonb, :options::jsonb, :actor, :origin::jsonb)
""")
_DUE = Statement("""
    SELECT d.store_id FROM jobs d
     WHERE d.state IN ('queued', 'running') AND d.due_at <= now()
       AND (d.leased_until IS NULL OR d.leased_until < now())
     GROUP BY d.store_id ORDER BY min(d.due_at) LIMIT 10
""")
_TAKE = Statement("""
    UPDATE jobs j SET state = 'running', lease_token = :token, tries = j.tries + 1,
           leased_until = now() + make_interval(secs => :lease),
           started_at = coalesce(j.started_at, v.at)
      FROM (SELECT id, now() AS at FROM jobs
             WHERE store_id = :store_id AND state IN ('queued', 'running') AND due_at <= now()
               AND (leased_until IS NULL OR leased_until < now())
             ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) v
     WHERE j.store_id = :store_id AND j.id = v.id
    RETURNING j.store_id, j.id, j.kind, j.selection, j.options, j.actor, j.origin,
              j.total, j.results, j.batch, j.position, j.tries
""")
# mutation: job-lease-renewed
_RENEW = Statement("""
    UPDATE jobs SET leased_until = now() + make_interval(secs => :lease)
     WHERE store_id = :store_id AND id = :id AND lease_token = :token
    RETURNING id
""")
_BEGIN = Statement("""
    UPDATE jobs SET total = :total, batch = :batch::jsonb,
           position = nullif(:position::jsonb, 'null'::jsonb)
     WHERE store_id = :store_id AND id = :id AND lease_token = :token
    RETURNING id
""")
# Citus takes no time that an UPDATE computes under a condition; a subquery without a lock would
# become a part of the UPDATE.
# mutation: job-lease-token
_SAVE = Statement("""
    UPDATE jobs j SET done = j.done + :done, succeeded = j.succeeded + :succeeded,
           refused = j.refused + :refused, skipped = j.skipped + :skipped,
           results = :results::jsonb, batch = NULL,
           state = CASE WHEN j.position IS NULL THEN 'finished' ELSE j.state END,
           finished_at = CASE WHEN j.position IS NULL THEN v.at END, tries = 0, due_at = now(),
           updated_at = now(), lease_token = NULL, leased_until = NULL
      FROM (SELECT id, now() AS at FROM jobs
             WHERE store_id = :store_id AND id = :id AND lease_token = :token FOR UPDATE) v
     WHERE j.store_id = :store_id AND j.id = v.id
    RETURNING j.id
""")
_HAND_BACK = Statement("""
    UPDATE jobs SET lease_token = NULL, leased_until = NULL, updated_at = now(),
           due_at = now() + make_interval(secs => :seconds),
           tries = greatest(tries - :forgiven, 0)
     WHERE store_id = :store_id AND id = :id AND lease_token = :token
""")
_FAIL = Statement("""
    UPDATE jobs SET state = 'failed', error = :error, finished_at = now(), updated_at = now(),
           lease_token = NULL, leased_until = NULL
     WHERE store_id = :store_id AND id = :id AND lease_token = :token
""")


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that is to be made. store_id 0 means all stores."""

    store_id: int
    id: UUID
    kind: str
    selection: Mapping[str, Any]
    options: Mapping[str, Any]
    actor: str
    origin: Mapping[str, Any] | None
    """The request that made it, as `audit.Origin`. None: an older version made it."""


@dataclass(frozen=True, slots=True)
class TakenJob(NewJob):
    """A job that this poller has for one batch."""

    total: int | None
    results: Sequence[Mapping[str, Any]]
    batch: Mapping[str, Any] | None
    position: Sequence[Any] | None
    tries: int
    token: UUID


@dataclass(frozen=True, slots=True)
class BatchDone:
    """What a batch did."""

    done: int = 0
    succeeded: int = 0
    refused: int = 0
    skipped: int = 0
    results: Sequence[Mapping[str, Any]] = field(default_factory=list)


async def add(connection: Connection, job: NewJob) -> None:
    """Write a new job, which is due at once."""
    await _ADD.execute(connection, asdict(job))


async def take(database: Database) -> TakenJob | None:
    """Take the job that has waited longest, for one batch. None means that none is due."""
    token = uuid4()
    async with survey(database) as connection:
        stores = [row.store_id for row in await _DUE.execute(connection)]
        for store_id in stores:
            values = {"store_id": store_id, "token": token, "lease": LEASE}
            row = (await _TAKE.execute(connection, values)).mappings().one_or_none()
            if row is not None:
                return TakenJob(**row, token=token)
    return None


async def renew(database: Database, job: TakenJob) -> bool:
    """Make the lease of a job last longer. False means that it was lost. Raises NotAvailable."""
    async with database.begin() as connection:
        return (await _RENEW.execute(connection, {**_key(job), "lease": LEASE})).first() is not None


async def begin(
    connection: Connection,
    job: TakenJob,
    total: int,
    batch: Mapping[str, Any],
    position: Sequence[Any] | None,
) -> bool:
    """Write what a batch acts on, and its last row; None means that it is the last batch.

    False means that the lease was lost.
    """
    values = {**_key(job), "total": total, "batch": batch, "position": position}
    return (await _BEGIN.execute(connection, values)).first() is not None


async def save(connection: Connection, job: TakenJob, batch: BatchDone) -> bool:
    """Write what a batch did, and give the job back. False means that the lease was lost."""
    values = {**asdict(batch), **_key(job)}
    return (await _SAVE.execute(connection, values)).first() is not None


async def hand_back(
    connection: Connection, job: TakenJob, seconds: float, *, forgiven: bool
) -> None:
    """Give a job back without progress; its batch begins again after so many seconds.

    forgiven: the batch does not count as one that failed.
    """
    values = {**_key(job), "seconds": seconds, "forgiven": int(forgiven)}
    await _HAND_BACK.execute(connection, values)


async def fail(connection: Connection, job: TakenJob, error: str) -> None:
    """End a job that cannot go on."""
    await _FAIL.execute(connection, {**_key(job), "error": error})


def _key(job: TakenJob) -> dict[str, Any]:
    return {"store_id": job.store_id, "id": job.id, "token": job.token}
