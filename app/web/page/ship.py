"""/orders/{order_id}/ship: the form that ships an order, with its dry run beside the fields."""

from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import ValidationError

from app.domain.errors import Conflict, Invalid, Unknown
from app.domain.orders.requests import ShipRequest
from app.domain.orders.shipping import METHOD_CODES
from app.storage import queries
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.storage.queries.views import OrderLineView, OrderView
from app.usecases.orders import preview_shipment, ship
from app.usecases.orders.ship_locked import AcceptedShipment
from app.web.page import acts, carrier_choices, refusals, sent, ship_form, ways_out
from app.web.page.context import PageContext, PageWriting
from app.web.page.route import PageRouter
from app.web.page.ship_form import ShipForm, text_of
from app.web.page.ship_view import ShipView
from app.web.v1.package_schemas import MOST_PACKAGES, PackagesIn

router = PageRouter()
PATH = "/orders/{order_id}/ship"


@router.get(PATH)
async def ship_page(context: PageWriting, order_id: UUID) -> Response:
    """The form with all units that remain in one package."""
    order = await order_of(context, order_id)
    typed = acts.form_of(context)
    form = ship_form.read(typed, order.lines) if typed else ship_form.first(lines_of(order))
    form.anyway = form.anyway or "override" in context.request.query_params
    return _shown(context, await _looked_at(context, order, form), strict=False)


@router.post(PATH)
async def ship_order(context: PageWriting, order_id: UUID) -> Response:
    """Ship, or do what another button of the form says: check, add or remove a package."""
    order = await order_of(context, order_id)
    form, how = ship_form.read(context.form, order.lines), text_of(context.form, "go")
    ship_form.change(form, how, order.lines)
    if how != "ship":
        form.take_from_first(order.lines)
        return _shown(context, await _looked_at(context, order, form), strict=False)
    try:
        return await _ship(context, order, form)
    except (Conflict, Invalid) as error:
        form.take_from_first(order.lines)
        view = await _looked_at(context, order, form)
        if not view.problems:
            view.refused = acts.problems_of(error)
        status = 409 if isinstance(error, Conflict) else 422
        return _shown(context, view, strict=True, status=status)


async def order_of(context: PageContext, order_id: UUID) -> OrderView:
    """The order of a page. Raises Unknown."""
    store = context.store_of(order_id)
    async with context.app.database.direct.reading() as session:
        order = await queries.order(session, store, order_id)
    if order is None:
        raise Unknown("order", order_id)
    return order


def lines_of(order: OrderView) -> list[OrderLineView]:
    """The lines with units that can still be shipped."""
    return [line for line in order.lines if line.quantity.remaining]


async def _looked_at(context: PageContext, order: OrderView, form: ShipForm) -> ShipView:
    """The dry run of what was typed, by the rules of the act."""
    async with context.app.transaction() as connection:
        previewed = await preview_shipment.begin(connection, order.id)
        choices = carrier_choices.choices(previewed.version.rules)
        form.follow(choices)
        found = [
            await preview_shipment.add(connection, context.app, previewed, request)
            for request in form.requests(context.viewer.zone)
        ]
    return ShipView(order, lines_of(order), form, choices, found)


async def _ship(context: PageContext, order: OrderView, form: ShipForm) -> Response:
    body = _body(form.requests(context.viewer.zone))
    first = len(order.shipments) + 1
    last = first + len(form.packages) - 1

    def shipped(accepted: AcceptedShipment) -> StoredResponse:
        del accepted
        packages = {sent.QUERY: sent.query(first, last)}
        return context.redirected(context.link(f"/orders/{order.id}", **packages))

    async def ship_all(once: IdempotentRequest | None) -> AcceptedShipment:
        if form.take_from_first(order.lines):
            raise Invalid(
                refusals.UNITS_MOVED, "Units were taken from the first package: look at them first."
            )
        requests = body.to_requests()
        return await ship.ship_all(context.app, order.id, requests, actor=context.actor, once=once)

    return await acts.act(context, body, context.store_of(order.id), shipped, ship_all)


def _body(requests: list[ShipRequest]) -> PackagesIn:
    """The same as a body of the API, which limits what a field may hold. Raises Invalid."""
    try:
        return PackagesIn.model_validate({"packages": [_json(each) for each in requests]})
    except ValidationError as error:
        # Most likely a carrier is missing, which a number of a known form names.
        raise Invalid(refusals.FILLED_IN, str(error)) from error


def _json(request: ShipRequest) -> dict[str, Any]:
    given = {
        "carrier_code": request.carrier_code,
        "tracking_number": request.tracking_number,
        "tracking_url": request.tracking_url,
        "shipped_at": request.shipped_at.isoformat() if request.shipped_at else None,
        "method_code": request.method_code,
        "override_cancel_request": request.override_cancel_request,
        "items": [
            {"line_number": each.line_number, "quantity": each.quantity}
            for each in request.items or ()
        ],
    }
    return {name: value for name, value in given.items() if value is not None}


def _shown(context: PageContext, view: ShipView, *, strict: bool, status: int = 200) -> Response:
    view.strict = strict
    return context.render(
        "ship.html",
        status=status,
        view=view,
        order=view.order,
        methods=METHOD_CODES,
        most=MOST_PACKAGES,
        obstacles=ways_out.obstacles(view.order),
        sentence=refusals.sentence,
        refusal=refusals.refusal,
        OTHER=carrier_choices.OTHER,
    )
