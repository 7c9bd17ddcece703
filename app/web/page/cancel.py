"""/orders/{order_id}/cancel: cancel a whole order, with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import ValidationError

from app.domain.errors import Conflict, Invalid, NotAvailable, Problem
from app.domain.orders.cancellation import COMMENT_MAX, LABELS, Reason
from app.domain.orders.requests import CancelRequest
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import CancellationView, OrderView
from app.usecases.orders import cancel
from app.web import problems
from app.web.dry_runs import rehearse
from app.web.page import acts, refusals, sent, ways_out
from app.web.page.context import PageContext, PageWriting
from app.web.page.route import PageRouter
from app.web.page.ship import order_of
from app.web.page.typed_number import typed_number
from app.web.schema_problems import problems_of
from app.web.v1.cancellation_schemas import CancellationIn

router = PageRouter()
PATH = "/orders/{order_id}/cancel"


@dataclass(frozen=True, slots=True)
class CancelForm:
    """What was typed."""

    reason: str = ""
    comment: str = ""
    stock: dict[str, str] = field(default_factory=dict)
    """The stock level of each SKU that Walmart is to get; empty: none."""


@router.get(PATH)
async def cancel_page(context: PageWriting, order_id: UUID) -> Response:
    """The form, or what stands in the way."""
    order, reason = await order_of(context, order_id), context.request.query_params.get("reason")
    # A link that says why it leads here has chosen the reason.
    return await _shown(context, order, CancelForm(reason or ""))


@router.post(PATH)
async def cancel_order(context: PageWriting, order_id: UUID) -> Response:
    """Cancel the order."""
    order = await order_of(context, order_id)
    form = _read(context, order)
    try:
        return await _cancel(context, order, form)
    except (Conflict, Invalid, NotAvailable) as error:
        refused = acts.problems_of(error)
        return await _shown(context, order, form, refused, problems.STATUSES[type(error)])


async def _cancel(context: PageContext, order: OrderView, form: CancelForm) -> Response:
    body = _body(form)

    def canceled(view: CancellationView) -> StoredResponse:
        del view
        address = context.link(f"/orders/{order.id}", **{sent.QUERY: sent.CANCELLATION})
        return context.redirected(address)

    return await acts.act(
        context,
        body,
        context.store_of(order.id),
        canceled,
        lambda once: cancel.cancel(
            context.app, order.id, body.to_request(), actor=context.actor, once=once
        ),
    )


def _body(form: CancelForm) -> CancellationIn:
    """The same as a body of the API. Raises Invalid."""
    if not form.reason:
        message = "A cancellation needs a reason."
        raise Invalid("reason_required", message, [Problem("reason_required", message, "/reason")])
    levels: list[dict[str, Any]] = []
    for sku, text in form.stock.items():
        if text:
            levels.append({"sku": sku, "quantity": typed_number(text)})
    given = {"reason": form.reason, "comment": form.comment or None, "inventory": levels}
    try:
        return CancellationIn.model_validate(given)
    except ValidationError as error:
        _, found = problems_of([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])
        raise Invalid(found[0].code, found[0].message, found) from error


def _read(context: PageContext, order: OrderView) -> CancelForm:
    def text(name: str) -> str:
        given = context.form.get(name)
        return given.strip() if isinstance(given, str) else ""

    stock = {line.sku: text(f"stock.{line.sku}") for line in order.lines}
    return CancelForm(text("reason"), text("comment"), stock)


async def _shown(
    context: PageContext,
    order: OrderView,
    form: CancelForm,
    refused: Sequence[Problem] = (),
    status: int = 200,
) -> Response:
    # Whether the order can be canceled at all does not depend on the reason.
    tried = CancelRequest(Reason.OUT_OF_STOCK)
    found = await rehearse(
        cancel.cancel(context.app.rehearsing(), order.id, tried, actor=context.actor)
    )
    skus = [line.sku for line in order.lines]
    fields = {_field(each, [sku for sku in skus if form.stock.get(sku)]): each for each in refused}
    asked = order.cancel_requested is not None
    return context.render(
        "cancel.html",
        status=status,
        order=order,
        form=form,
        blocked=found.problems,
        general=[each for each in refused if _field(each, skus) == ""],
        fields=fields,
        reasons=[(each, LABELS[each][0]) for each in _REASONS if _offered(each, asked=asked)],
        units=sum(item.quantity for item in found.result.items) if found.result else 0,
        obstacles=ways_out.obstacles(order),
        sentence=refusals.sentence,
        most=COMMENT_MAX,
    )


# What is chosen most comes first.
_REASONS = sorted(
    Reason,
    key=lambda each: (each is not Reason.CUSTOMER_REQUEST, each is not Reason.OUT_OF_STOCK),
)


def _offered(reason: Reason, *, asked: bool) -> bool:
    """The buyer's wish is a reason only where the buyer has it."""
    return asked or reason is not Reason.CUSTOMER_REQUEST


def _field(problem: Problem, given: Sequence[str]) -> str:
    """The field of a problem: reason, comment, `stock.<sku>`; empty if it is about the order."""
    parts = problem.pointer.strip("/").split("/")
    if parts[0] in {"reason", "comment"}:
        return parts[0]
    if parts[0] == "inventory" and len(parts) > 1 and int(parts[1]) < len(given):
        return f"stock.{given[int(parts[1])]}"
    return ""
