"""What a job does to each of its members, with the result as the act on a single one has it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.domain.errors import OrderError
from app.storage.idempotency import IdempotentRequest, Replayed, StoredResponse
from app.storage.jobs import TakenJob
from app.usecases.attention import members, rest
from app.usecases.attention.members import Fixing, MemberFixed
from app.usecases.context import AppContext
from app.usecases.jobs import kinds, selection
from app.usecases.jobs.selection import Member
from app.usecases.orders import refresh
from app.usecases.orders.refresh import Refreshed
from app.usecases.orders.refresh_many import BUSY, REFRESHED
from app.usecases.updates import dismiss, retry
from app.usecases.updates.dismiss import Dismissed
from app.usecases.updates.retry import Retried
from app.usecases.walmart_reader import WalmartReader

SUCCEEDED, REFUSED, SKIPPED, WAITING = "succeeded", "refused", "skipped", "waiting"
NOTHING = "nothing_to_do"
# Problems of an update that changed after it was selected.
_CHANGED = frozenset({members.CHANGED, "update_finished", "update_in_progress", "update_not_found"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one order or update of a job."""

    id: UUID
    result: str
    explanation: str
    tally: str
    """succeeded, refused, skipped or waiting (the act could not be tried)."""
    repeated: bool = False
    """Whether an earlier run of the batch did it."""


@dataclass(frozen=True, slots=True)
class JobTarget:
    """An order or an update that a job is acting on."""

    context: AppContext
    job: TakenJob
    member: Member
    reader: WalmartReader
    """Reads Walmart within the store's rate limits."""

    @property
    def id(self) -> UUID:
        """The id of the order, the update or the case."""
        return self.member.id


Act = Callable[[JobTarget, IdempotentRequest], Awaitable[Outcome]]


async def _retry(target: JobTarget, once: IdempotentRequest) -> Outcome:
    done = await retry.retry(
        target.context,
        target.id,
        override_cancel_request=bool(target.job.options.get("override_cancel_request")),
        actor=target.job.actor,
        once=once,
        reader=target.reader,
    )
    return _retried(target.id, done)


async def _dismiss(target: JobTarget, once: IdempotentRequest) -> Outcome:
    job = target.job
    done = await dismiss.dismiss(
        target.context,
        target.id,
        note=job.options["note"],
        actor=job.actor,
        once=once,
        reader=target.reader,
    )
    return _dismissed(target.id, done)


async def _refresh(target: JobTarget, once: IdempotentRequest) -> Outcome:
    done = await refresh.refresh(
        target.context, target.id, actor=target.job.actor, once=once, reader=target.reader
    )
    return _refreshed(target.id, done)


async def _fix(target: JobTarget, once: IdempotentRequest) -> Outcome:
    case, cause = target.member.case, selection.load(target.job.selection).cause
    assert case is not None  # noqa: S101 - a job of this kind selects the cases of a cause
    assert cause is not None  # noqa: S101
    given = rest.given(target.job.options)
    fixing = Fixing(
        context=target.context,
        cause=cause,
        action=given.action,
        store=given.store,
        given=given.request,
        actor=target.job.actor,
        reader=target.reader,
        once=once,
    )
    return _fixed(target.id, await members.fix(fixing, case))


def _retried(identifier: UUID, done: Retried) -> Outcome:
    tally = REFUSED if done.will == "cannot_help" else SUCCEEDED
    return Outcome(identifier, done.will, done.explanation, tally)


def _dismissed(identifier: UUID, done: Dismissed) -> Outcome:
    return Outcome(identifier, done.walmart, done.explanation, SUCCEEDED)


def _refreshed(identifier: UUID, done: Refreshed) -> Outcome:
    if done.refreshed:
        return Outcome(identifier, REFRESHED, done.explanation, SUCCEEDED)
    return Outcome(identifier, BUSY, done.explanation, SKIPPED)


def _fixed(identifier: UUID, done: MemberFixed) -> Outcome:
    tallies = {"cannot_help": REFUSED, members.CHANGED: SKIPPED}
    return Outcome(identifier, done.will, done.explanation, tallies.get(done.will, SUCCEEDED))


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job."""

    act: Act
    outcome: Callable[[UUID, Any], Outcome]
    """Of what the use case answers."""


KINDS: Mapping[str, JobKind] = {
    kinds.RETRY: JobKind(_retry, _retried),
    kinds.DISMISS: JobKind(_dismiss, _dismissed),
    kinds.REFRESH: JobKind(_refresh, _refreshed),
    kinds.FIX: JobKind(_fix, _fixed),
}


async def act(target: JobTarget, store_id: int) -> Outcome:
    """Act on one order or update, once: a repeated batch gets the outcome of the first run.

    Raises OrderError.
    """
    kind = KINDS[target.job.kind]

    def render(result: object) -> StoredResponse:
        made = kind.outcome(target.id, result)
        body = json.dumps([made.result, made.explanation, made.tally]).encode()
        return StoredResponse(200, body, {})

    # mutation: job-acts-once
    once = IdempotentRequest(
        store_id=store_id,
        api_key=f"job {target.job.id}",
        method="JOB",
        path=target.job.kind,
        key=str(target.id),
        fingerprint=b"",
        render=render,
    )
    try:
        return await kind.act(target, once)
    except Replayed as replay:
        result, explanation, tally = json.loads(replay.answer.body)
        return Outcome(target.id, result, explanation, tally, repeated=True)


def refused(identifier: UUID, error: OrderError) -> Outcome:
    """The outcome of an order or update that the use case refused."""
    tally = SKIPPED if error.code in _CHANGED else REFUSED
    return Outcome(identifier, error.code, str(error), tally)
