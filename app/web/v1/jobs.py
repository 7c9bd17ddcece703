"""/v1/jobs: one act on all orders or updates that a filter finds."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import Body, Response

from app.storage.idempotency import StoredResponse
from app.storage.queries import OrderSort, UpdateFilter
from app.storage.queries.views import JobView
from app.usecases.jobs import create
from app.usecases.jobs.selection import Selection
from app.web.dependencies import Reading, RequestContext, Writing, answer, respond
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.job_schemas import JobIn
from app.web.v1.order_filters import OrderQuery
from app.web.v1.responses import problems, success

router = OperationRouter("/v1/jobs", "jobs")
_JOB = {
    "id": "01932f5e-0b20-7c01-8d11-2a3b00000001",
    "store_id": examples.STORE_ID,
    "kind": "retry",
    "state": "running",
    "actor": "commerce",
    "total": 347,
    "done": 80,
    "succeeded": 79,
    "refused": 1,
    "skipped": 0,
    "results": [
        {
            "result": "queued",
            "count": 79,
            "explanation": "It goes out now: Walmart is read first, and only what is missing is "
            "sent.",
            "ids": [examples.UPDATE_ID],
        }
    ],
    "error": None,
    "created_at": examples.AT,
    "started_at": examples.AT,
    "updated_at": examples.AT,
    "finished_at": None,
}


@router.post(
    "",
    operation_id="create_job",
    summary="Act on all that a filter finds",
    status_code=202,
    response_model=JobView,
    responses=success(202, JobView, _JOB, "The job, queued.", location=True)
    | problems("store_not_found", "order_not_found", "required", body=True),
)
async def create_job(
    context: Writing,
    body: Annotated[JobIn, Body(examples=[{"kind": "retry", "updates": {"kind": "shipment"}}])],
) -> Response:
    """Retry, dismiss or refresh all that a filter finds, however many: at most 100,000.

    A poller does it in batches, within the rate limits. `GET /v1/jobs/{job_id}` has the progress.
    No update is acted on twice, even if the poller crashes. A job can be read for 30 days.
    """
    selection, store = selected(context, body)
    options = body.model_dump(include={"note", "override_cancel_request"}, exclude_unset=True)
    return await context.once(
        body,
        store or 0,
        _created,
        lambda once: create.create(
            context.app,
            body.kind,
            selection,
            options,
            store_id=store or 0,
            actor=context.actor,
            once=once,
        ),
    )


@router.get(
    "/{job_id}",
    operation_id="get_job",
    summary="Get a job",
    response_model=JobView,
    responses=success(200, JobView, _JOB, "The job.") | problems("job_not_found"),
)
async def get_job(context: Reading, job_id: UUID) -> Response:
    """Get a job: how far it is, and how many had which result."""
    store = context.store_of(job_id, "job")
    return respond(answer(200, await create.read(context.app, store, job_id)))


def selected(context: RequestContext, body: JobIn) -> tuple[Selection, int | None]:
    """What a job acts on, and its store; None means all stores. Raises Unknown."""
    if body.updates is not None:
        given = body.updates
        store = context.one_store(given.store_id, given.order_id)
        found = UpdateFilter(given.state, given.kind, store, given.order_id, given.code)
        return Selection(updates=found), store
    assert body.orders is not None  # noqa: S101 - its schema has seen to it
    wanted = body.orders
    store = context.one_store(wanted.store_id, None)
    query = OrderQuery(**wanted.model_dump(exclude={"store_id"}), sort=OrderSort.NEWEST)
    return Selection(orders=replace(query.filter(context), store_id=store)), store


def _created(view: JobView) -> StoredResponse:
    return answer(202, view, Location=f"/v1/jobs/{view.id}")
