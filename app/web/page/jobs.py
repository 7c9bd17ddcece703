"""/jobs/{id}: how far an act on many orders is, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from fastapi import Response

from app.domain.ids import store_of
from app.storage import queries
from app.storage.postgres.session import Session
from app.storage.queries.views import JobResultView, JobView
from app.usecases.jobs import create
from app.web.page import refusals
from app.web.page.context import PageContext, PageReading
from app.web.page.i18n import deferred
from app.web.page.route import PageRouter
from app.web.page.viewer import viewing

router: Final = PageRouter()
# Orders that a result names.
_NAMED = 5
TITLES: Final[Mapping[str, str]] = {
    "retry": deferred("Retry"),
    "dismiss": deferred("Settled at Walmart"),
    "refresh": deferred("Read from Walmart"),
}
_RESULTS: Final[Mapping[str, str]] = {
    "queued": deferred("Go out now. Walmart is read first; what it has is not sent again."),
    "waiting": deferred("Wait, because Walmart takes no calls now or something goes first."),
    "already_applied": deferred("Walmart already has them. Nothing is sent."),
    "cannot_help": deferred("A retry cannot help."),
    "nothing_to_do": deferred("Nothing to do: all of it arrived, or is on its way."),
    "refreshed": deferred("Read from Walmart."),
    "being_delivered": deferred("Being sent right now, so Walmart was not read."),
    "update_finished": deferred("Settled in the meantime."),
    "update_in_progress": deferred("Being sent right now."),
    "update_not_found": deferred("No longer there."),
    "order_in_doubt": deferred("An earlier try may still arrive at Walmart."),
    "order_not_at_walmart": deferred("Walmart does not know the order."),
    "quantity_exceeds_remaining": deferred("Other packages have taken the units."),
    "walmart_unavailable": deferred("Walmart could not be read."),
    "credentials_rejected": deferred("Walmart does not accept the keys of the store."),
    "acknowledged": deferred("Settled. Walmart shows the order as acknowledged."),
    "shipped": deferred("Settled. Walmart shows all of it as shipped."),
    "canceled": deferred("Settled. Walmart shows all of it as canceled."),
    "corrected": deferred("Settled. Walmart shows the new tracking number."),
    "refunded": deferred("Settled. Walmart shows all of it as refunded."),
    "partly": deferred("Settled. Walmart shows a part of it; the other units are free again."),
    "absent": deferred("Settled. Walmart shows nothing of it; its units are free again."),
    "in_doubt": deferred("Settled. It may still arrive at Walmart, so its units stay reserved."),
    "not_read": deferred("Settled. Walmart could not be read yet, so its units stay reserved."),
    "done": deferred("Settled."),
    "changed": deferred("Changed since you saw it, so it stays as it is."),
    "stock_level": deferred("Settled. Walmart has a stock level of its own."),
}


@dataclass(frozen=True, slots=True)
class NamedOrder:
    """An order that a result names."""

    number: str
    href: str


@dataclass(frozen=True, slots=True)
class ShownResult:
    """A result of a job, in words."""

    count: int
    text: str
    why: str
    """What it was in one case; empty where the text says all."""
    orders: list[NamedOrder]


@router.get("/jobs/{job_id}")
async def job(context: PageReading, job_id: UUID) -> Response:
    """Show a job. The page is asked for again until the job has ended."""
    view = await create.read(context.app, context.store_of(job_id, "job"), job_id)
    async with context.app.database.direct.reading() as session:
        results = [await _shown(context, session, each) for each in view.results]
    return context.render(
        "job.html",
        job=view,
        title=TITLES.get(view.kind, deferred("Fix")),
        running=view.state in {"queued", "running"},
        share=_share(view),
        results=results,
    )


def _share(view: JobView) -> int:
    """Percent that is done."""
    if view.state == "finished":
        return 100
    return min(100 * view.done // view.total, 100) if view.total else 0


async def _shown(context: PageContext, session: Session, result: JobResultView) -> ShownResult:
    known, text = _RESULTS.get(result.result), result.explanation
    if known:
        text = context.viewer.gettext(known)
    elif result.result in refusals.REFUSALS:
        with viewing(context.viewer):
            text = " ".join(filter(None, refusals.refusal(result.result)))
    named: dict[UUID, NamedOrder] = {}
    for each in result.ids:
        order_id, number = await _order_of(session, each)
        if order_id is not None and len(named) < _NAMED:
            named[order_id] = NamedOrder(number, context.link(f"/orders/{order_id}"))
    why = result.explanation if result.result == "cannot_help" else ""
    return ShownResult(result.count, text, why, list(named.values()))


async def _order_of(session: Session, identifier: UUID) -> tuple[UUID | None, str]:
    """The order of an update, or the order itself, with its number at Walmart."""
    store = store_of(identifier) or 0
    update = await queries.update(session, store, identifier)
    if update is not None:
        return update.order_id, update.subject
    order = await queries.order(session, store, identifier)
    return (order.id, order.purchase_order_id) if order is not None else (None, "")
