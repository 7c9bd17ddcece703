"""Makes a job."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Unknown
from app.storage import audit, idempotency, jobs, queries
from app.storage.audit import NO_STORE, Act
from app.storage.idempotency import IdempotentRequest
from app.storage.jobs import NewJob
from app.storage.queries.views import JobView
from app.usecases.context import AppContext
from app.usecases.jobs.selection import Selection


async def create(
    context: AppContext,
    kind: str,
    selection: Selection,
    options: Mapping[str, Any],
    *,
    store_id: int,
    actor: str,
    once: IdempotentRequest | None = None,
) -> JobView:
    """Make a job, which a poller begins at once. store_id 0 means all stores."""
    made_by = asdict(audit.origin.get())
    job_id = context.new_id(store_id)
    new = NewJob(store_id, job_id, kind, selection.dump(), options, actor, made_by)
    async with context.transaction(once) as connection:
        await jobs.add(connection, new)
        # mutation: audit-of-jobs
        after = {"kind": kind, **_flat(options)}
        act = Act(AuditedAct.JOB_CREATED, actor, str(new.id), store_id or NO_STORE, after=after)
        await audit.record(connection, context.new_id, act)
        view = await queries.job(connection, store_id, new.id)
        if view is None:
            raise Unknown("job", new.id)
        await idempotency.store(connection, once, view)
    return view


def _flat(options: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, without levels: a note can be erased where it is a value of its own."""
    given = options.get("request") or {}
    flat = {name: each for name, each in options.items() if name != "request"}
    return flat | {name: each for name, each in given.items() if each is not None}


async def read(context: AppContext, store_id: int, job_id: UUID) -> JobView:
    """A job. Raises Unknown."""
    view = await queries.job(context.database.direct, store_id, job_id)
    if view is None:
        raise Unknown("job", job_id)
    return view
