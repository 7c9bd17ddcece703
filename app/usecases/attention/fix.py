"""Fixes all members of a cause: what is given once is stored, then each member is tried by itself.

A member that changed since the caller saw the cause is left as it is.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain import attention
from app.domain.attention import AttentionCause, GroupAction
from app.domain.errors import Conflict, Forbidden, Invalid, OrderError, Problem, Unknown
from app.storage import idempotency, queries, rate_limits
from app.storage.idempotency import IdempotentRequest
from app.storage.postgres.database import Connection
from app.storage.postgres.retry import again
from app.storage.queries import AttentionMember, KeysetPage
from app.storage.queries.views import AttentionGroupView, View
from app.usecases.attention import members, once_given, rest
from app.usecases.attention.members import Fixing
from app.usecases.attention.requests import FixRequest
from app.usecases.context import AppContext

# Each may cost a read at Walmart, and the caller waits for all of them.
_SLOTS = 8
_GIVEN = ("tracking_url", "reason", "method_code", "note")


@dataclass(frozen=True, slots=True)
class FixedMember(View):
    """What will happen to one case of a cause."""

    id: UUID | None
    order_id: UUID | None
    number: str | None
    will: str
    """done, queued, already_applied, waiting, cannot_help, changed (since it was seen), or the
    code of a problem."""
    until: datetime | None
    explanation: str


@dataclass(frozen=True, slots=True)
class FixedGroup(View):
    """The results of fixing a cause, and how many there are of each."""

    data: tuple[FixedMember, ...]
    totals: dict[str, int]
    more: bool
    """The cause has more cases than are fixed at once."""
    job_url: str | None
    """The job that fixes the others."""


async def fix(
    context: AppContext,
    group: tuple[int, UUID],
    request: FixRequest,
    *,
    actor: str,
    may_administer: bool,
    once: IdempotentRequest | None = None,
) -> FixedGroup:
    """Fix the first members of a cause, and let a job fix the others. group: its store and id.

    Raises Unknown, Invalid, Forbidden, and Conflict attention_fix_elsewhere. One member that is
    refused does not stop the others.
    """
    async with context.transaction(once) as connection:
        cause, view = await _cause(connection, group)
        action = check(cause, request, may_administer=may_administer)
        page = KeysetPage(attention.MOST_AT_ONCE)
        found, after = await queries.attention_members(connection, cause, page)
        as_of = request.as_of or await rate_limits.now(connection)
    await once_given.store(context, cause, view, found, request, actor=actor)
    seen = replace(request, as_of=as_of)
    fixing = Fixing(context, cause, action, view.store_id, seen, actor)
    results = await _each(fixing, found)
    totals = Counter(result.will for result in results)
    job = await rest.begin(fixing, (after[0], after[1])) if after is not None else None
    url = f"/v1/jobs/{job.id}" if job else None
    fixed = FixedGroup(tuple(results), dict(totals), after is not None, url)
    async with context.transaction(once) as connection:
        await idempotency.store(connection, once, fixed)
    context.wake()
    return fixed


def check(cause: AttentionCause, request: FixRequest, *, may_administer: bool) -> GroupAction:
    """The action that fixes a cause. Raises Conflict, Forbidden, or Invalid for what is missing."""
    action = cause.fix
    if action is None or action in attention.ELSEWHERE:
        message = "These cases have no fix in common here; fix says where they are settled."
        raise Conflict("attention_fix_elsewhere", message)
    # mutation: fix-that-changes-a-setting
    if action is GroupAction.SET_CANCELLATION_REASON and not may_administer:
        raise Forbidden("scope_missing", "This changes the store, so it needs the scope admin.")
    given = {
        name: getattr(request, name) for name in ("tracking_url", "reason", "method_code", "note")
    }
    needs = attention.NEEDS.get(action, ())
    problems = [
        Problem("required", f"{name} is needed.", f"/{name}") for name in needs if not given[name]
    ]
    problems += [
        Problem("invalid", f"{name} is not part of this fix.", f"/{name}")
        for name, value in given.items()
        if value is not None and name not in needs
    ]
    if problems:
        raise Invalid(problems[0].code, problems[0].message, problems)
    return action


async def _cause(
    connection: Connection, group: tuple[int, UUID]
) -> tuple[AttentionCause, AttentionGroupView]:
    known = await queries.attention_cause(connection, *group)
    if known is None:
        raise Unknown("attention group", group[1])
    return known


async def _each(fixing: Fixing, found: Sequence[AttentionMember]) -> list[FixedMember]:
    slots = asyncio.Semaphore(_SLOTS)

    async def one(member: AttentionMember) -> FixedMember:
        async with slots:
            try:
                done = await again(lambda: members.fix(fixing, member))
            except OrderError as error:
                return _result(fixing, member, error.code, str(error))
        return _result(fixing, member, done.will, done.explanation, done.until)

    return list(await asyncio.gather(*(one(member) for member in found)))


def _result(
    fixing: Fixing,
    member: AttentionMember,
    will: str,
    explanation: str,
    until: datetime | None = None,
) -> FixedMember:
    named = None if fixing.cause.without_ids else member.id
    return FixedMember(named, member.order_id, member.number, will, until, explanation)
