"""Carries out a batch of a job.

What a batch acts on is written down first, and it ends as a whole. One that broke off begins again,
and the acts that it had done answer with their first outcome (`acts.act`), so nothing is done twice
and the counts are exact.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from app.domain.errors import NotAvailable, OrderError
from app.storage import audit, jobs
from app.storage.audit import Origin
from app.storage.jobs import BatchDone, TakenJob
from app.storage.postgres.database import Connection
from app.usecases import many
from app.usecases.context import AppContext
from app.usecases.job_batches import acts
from app.usecases.job_batches.acts import JobTarget, Outcome
from app.usecases.jobs import kinds, selection
from app.usecases.jobs.selection import JobBatch, Member, Selection
from app.usecases.updates.retry_many import of_orders
from app.usecases.walmart_reader import WalmartReader

# Orders or updates of a batch. Its lease is renewed while it goes on (`storage/jobs.py`).
BATCH = 40
_COUNTED = 1000
# Seconds until a batch begins again after a failure; and the longest pause of Walmart's that a job
# waits for.
_AGAIN, LONGEST_WAIT = 30.0, 60
_NOTHING = "No update of the order waits for this."
_log = structlog.get_logger(__name__)
ReaderOf = Callable[[int], WalmartReader]


async def work(context: AppContext, job: TakenJob, reader_of: ReaderOf) -> None:
    """Carry out a batch of a job.

    reader_of makes the reader of a store, which raises NotAvailable while Walmart is not to be
    called. Raises NotAvailable.
    """
    # mutation: origin-of-a-job
    origin = audit.origin.set(Origin.load(job.origin))
    try:
        async with _leased(context, job):
            await _batch(context, job, reader_of)
    except (NotAvailable, asyncio.CancelledError):
        # The database was away for a moment, or the poller stops.
        with suppress(NotAvailable):
            async with context.transaction() as connection:
                await jobs.hand_back(connection, job, 0.0, forgiven=True)
        raise
    except Exception:  # noqa: BLE001 - logged; the job is tried again, or ends
        _log.exception("job_failed", job_id=str(job.id), tries=job.tries)
        await _broke(context, job)
    finally:
        audit.origin.reset(origin)


@asynccontextmanager
async def _leased(context: AppContext, job: TakenJob) -> AsyncIterator[None]:
    """Renew the lease of a job for as long as its batch takes."""
    renewing = asyncio.create_task(_renew(context, job), name="job-lease")
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


async def _renew(context: AppContext, job: TakenJob) -> None:
    held = True
    while held:
        await asyncio.sleep(jobs.RENEWED_EVERY)
        # While the database is away, nothing can take the job either.
        with suppress(NotAvailable):
            held = await jobs.renew(context.database, job)


async def _batch(context: AppContext, job: TakenJob, reader_of: ReaderOf) -> None:
    batch = JobBatch.load(job.batch) if job.batch is not None else await _begin(context, job)
    if batch is None:
        return

    async def one(member: Member) -> Outcome:
        target = JobTarget(context, job, member, reader_of(member.store_id))
        return await acts.act(target, member.store_id)

    made = await many.each(batch.targets, one, lambda member, error: _refused(job, member, error))
    tallies = Counter(outcome.tally for outcome in made)
    idle = [Outcome(each, acts.NOTHING, _NOTHING, acts.SKIPPED) for each in batch.idle]
    async with context.transaction() as connection:
        if tallies[acts.WAITING]:
            fresh = any(each.tally != acts.WAITING and not each.repeated for each in made)
            # Calls that Walmart took in the meantime are progress.
            await jobs.hand_back(connection, job, _wait(made), forgiven=fresh)
            return
        done = BatchDone(
            done=batch.members,
            succeeded=tallies[acts.SUCCEEDED],
            refused=tallies[acts.REFUSED],
            skipped=tallies[acts.SKIPPED] + len(idle),
            results=_added(job.results, [*made, *idle]),
        )
        await jobs.save(connection, job, done)


async def _begin(context: AppContext, job: TakenJob) -> JobBatch | None:
    """Begin the next batch. None means that the job has failed, or that its lease was lost."""
    chosen = selection.load(job.selection)
    total = job.total if job.total is not None else await _count(context, chosen)
    async with context.transaction() as connection:
        if total > selection.MOST:
            await jobs.fail(connection, job, f"More than {selection.MOST:,} match.")
            return None
        members, position = await chosen.page(connection, job.position, BATCH)
        batch = await _to_act_on(connection, job, members)
        begun = await jobs.begin(connection, job, total, batch.dump(), position)
    return batch if begun else None


async def _count(context: AppContext, chosen: Selection) -> int:
    """How many the selection has, up to one page more than a job may have."""
    count, position = 0, None
    while True:
        async with context.transaction() as connection:
            members, position = await chosen.page(connection, position, _COUNTED)
        count += len(members)
        if position is None or count > selection.MOST:
            return count


async def _to_act_on(connection: Connection, job: TakenJob, members: Sequence[Member]) -> JobBatch:
    """The members, with orders replaced by those of their updates that the job acts on."""
    states = kinds.STATES.get(job.kind)
    if states is None:
        return JobBatch(len(members), list(members), [])
    stores = {each.id: each.store_id for each in members if each.update_id is None}
    keys = [(store_id, order_id) for order_id, store_id in stores.items()]
    found = await of_orders(connection, keys, states)
    of_these = [
        Member(stores[view.order_id], view.order_id, view.id)
        for view in found
        if view.order_id is not None
    ]
    named = [each for each in members if each.update_id is not None]
    idle = stores.keys() - {each.order_id for each in of_these}
    return JobBatch(len(members), [*named, *of_these], sorted(idle))


def _refused(job: TakenJob, member: Member, error: OrderError) -> Outcome:
    """The outcome of a refusal. Raises the error if the database is away."""
    if error.code == "database_unavailable":
        raise error
    wait = 5 if error.code == "idempotency_in_progress" else None
    if isinstance(error, NotAvailable) and error.retry_after <= LONGEST_WAIT:
        wait = error.retry_after
    if wait is not None and job.tries < jobs.MOST_TRIES:
        return Outcome(member.id, str(wait), str(error), acts.WAITING)
    return acts.refused(member.id, error)


def _wait(outcomes: Sequence[Outcome]) -> float:
    return max(float(each.result) for each in outcomes if each.tally == acts.WAITING)


def _added(
    results: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome]
) -> list[dict[str, Any]]:
    """The results of a job with those of one more batch."""
    added = {each["result"]: dict(each) for each in results}
    for outcome in outcomes:
        new = {"result": outcome.result, "count": 0, "explanation": outcome.explanation, "ids": []}
        each = added.setdefault(outcome.result, new)
        each["count"] += 1
        if len(each["ids"]) < jobs.SAMPLE:
            each["ids"] = [*each["ids"], str(outcome.id)]
    return list(added.values())


async def _broke(context: AppContext, job: TakenJob) -> None:
    """Let a batch that an error in Waybill ended begin again, or end the job."""
    async with context.transaction() as connection:
        if job.tries < jobs.MOST_TRIES:
            await jobs.hand_back(connection, job, _AGAIN, forgiven=False)
        else:
            text = "Waybill failed several times. The failure is logged with the id of the job."
            await jobs.fail(connection, job, text)
