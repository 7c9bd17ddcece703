"""Makes a job."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.domain.errors import Unknown
from app.storage import idempotency, jobs, queries
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
    new = NewJob(store_id, context.new_id(store_id), kind, selection.dump(), options, actor)
    async with context.transaction(once) as connection:
        await jobs.add(connection, new)
        view = await queries.job(connection, store_id, new.id)
        if view is None:
            raise Unknown("job", new.id)
        await idempotency.store(connection, once, view)
    return view


async def read(context: AppContext, store_id: int, job_id: UUID) -> JobView:
    """A job. Raises Unknown."""
    view = await queries.job(context.database.direct, store_id, job_id)
    if view is None:
        raise Unknown("job", job_id)
    return view
