"""/orders/{order_id}/shipments/{shipment_id}/correct: another carrier, number or tracking page."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from fastapi import Response
from pydantic import ValidationError

from app.domain.errors import Conflict, Invalid, Problem, Unknown
from app.domain.orders.carrier_of_number import owner
from app.domain.orders.requests import TrackingCorrection
from app.domain.orders.tracking_key import tracking_key
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.storage.queries.views import OrderView, ShipmentView
from app.storage.stores import stores
from app.usecases.orders import correct_tracking as tracking
from app.web.dry_runs import Rehearsed, rehearse
from app.web.page import acts, carrier_choices, refusals, ship_form, ways_out
from app.web.page.carrier_choices import OTHER, CarrierChoices
from app.web.page.context import PageContext, PageWriting
from app.web.page.route import PageRouter
from app.web.page.ship import order_of
from app.web.page.ship_form import TypedPackage
from app.web.v1.shipment_schemas import TrackingIn, TrackingPreviewOut

router = PageRouter()
PATH = "/orders/{order_id}/shipments/{shipment_id}/correct"
_NOTHING = Problem(refusals.NOTHING_CHANGED, "Nothing differs.")


@dataclass(frozen=True, slots=True)
class _Correction:
    """A shipment, and what a person makes of it."""

    order: OrderView
    shipment: ShipmentView
    choices: CarrierChoices
    typed: TypedPackage

    @property
    def changes(self) -> TrackingCorrection | None:
        """What differs. None means that nothing does."""
        was, now = _present(self.shipment, self.choices), self.typed
        other = now.carrier == OTHER
        carrier = (now.carrier, now.other if other else "") != (was.carrier, was.other)
        same_number = tracking_key(now.number) == tracking_key(was.number)
        code = (now.other if other else now.carrier) if carrier else None
        number = None if same_number else now.number
        # The address of the old number does not lead to the new package.
        url = now.url if now.url and (now.url != was.url or carrier) else None
        found = TrackingCorrection(code or None, None, number or None, url)
        return (
            found if any((found.carrier_code, found.tracking_number, found.tracking_url)) else None
        )


@router.get(PATH)
async def correct_page(context: PageWriting, order_id: UUID, shipment_id: UUID) -> Response:
    """The form with the present values."""
    return await _shown(context, await _found(context, order_id, shipment_id))


@router.post(PATH)
async def correct_shipment(context: PageWriting, order_id: UUID, shipment_id: UUID) -> Response:
    """Correct the package, or answer what a correction would do."""
    found = await _found(context, order_id, shipment_id)
    how = str(context.form.get("go", "check"))
    if how.startswith("use:"):
        found.typed.carrier = how.split(":", 2)[-1]
    if how != "correct":
        return await _shown(context, found)
    try:
        return await _correct(context, found)
    except (Conflict, Invalid) as error:
        refused = acts.problems_of(error)
        status = 409 if isinstance(error, Conflict) else 422
        return await _shown(context, found, refused, status)


async def _found(context: PageContext, order_id: UUID, shipment_id: UUID) -> _Correction:
    order = await order_of(context, order_id)
    for shipment in order.shipments:
        if shipment.id == shipment_id:
            break
    else:
        raise Unknown("shipment", shipment_id)
    async with context.app.transaction() as connection:
        rules = await stores.shipping_rules(connection, context.store_of(order_id))
    choices = carrier_choices.choices(rules)
    typed = _present(shipment, choices)
    form = acts.form_of(context)
    if form:
        typed = ship_form.read_package(form, 0, ())
        typed.follow(choices)
    return _Correction(order, shipment, choices, typed)


def _present(shipment: ShipmentView, choices: CarrierChoices) -> TypedPackage:
    code, url = shipment.carrier_code, shipment.tracking_url or ""
    known = choices.by_carrier.get(shipment.walmart_carrier.get("carrier", ""), "")
    if code not in choices.own and known:
        code = known
    if code in choices.own or code in choices.walmart:
        return TypedPackage(carrier=code, followed=code, number=shipment.tracking_number, url=url)
    name = shipment.carrier_title or code
    return TypedPackage(carrier=OTHER, other=name, number=shipment.tracking_number, url=url)


async def _correct(context: PageContext, found: _Correction) -> Response:
    order, shipment = found.order, found.shipment
    body = _body(found.typed)

    def corrected(view: ShipmentView) -> StoredResponse:
        del view
        number = ways_out.number_of(order, shipment.id)
        text = context.viewer.gettext("Package %(number)s is being corrected.", number=number)
        return context.redirected(context.link(f"/orders/{order.id}"), notice=text)

    async def correct(once: IdempotentRequest | None) -> ShipmentView:
        changes = found.changes
        if changes is None:
            raise Invalid(_NOTHING.code, _NOTHING.message, [_NOTHING])
        return await tracking.correct(
            context.app, order.id, shipment.id, changes, actor=context.actor, once=once
        )

    return await acts.act(context, body, context.store_of(order.id), corrected, correct)


def _body(typed: TypedPackage) -> TrackingIn:
    """All that was typed, as a body of the API, which limits it. Raises Invalid."""
    given = {
        "carrier_code": typed.other if typed.carrier == OTHER else typed.carrier,
        "tracking_number": typed.number,
        "tracking_url": typed.url,
    }
    try:
        return TrackingIn.model_validate({name: text for name, text in given.items() if text})
    except ValidationError as error:
        raise Invalid("invalid", str(error)) from error


async def _shown(
    context: PageContext,
    found: _Correction,
    refused: list[Problem] | None = None,
    status: int = 200,
) -> Response:
    changes = found.changes
    tried: Rehearsed[ShipmentView] = Rehearsed(None)
    if changes is not None and refused is None:
        act = tracking.correct(
            context.app.rehearsing(),
            found.order.id,
            found.shipment.id,
            changes,
            actor=context.actor,
        )
        tried = await rehearse(act)
    problems = [*(refused or ()), *tried.problems]
    fields = _fields(problems)
    typed = found.typed
    return context.render(
        "correct.html",
        status=status,
        order=found.order,
        shipment=found.shipment,
        number=ways_out.number_of(found.order, found.shipment.id),
        choices=found.choices,
        typed=typed,
        fields=fields,
        general=[each for each in problems if each not in fields.values()],
        will=TrackingPreviewOut.of(found.shipment, tried).will,
        advice=tried.result.warnings if tried.result else (),
        issuer=owner(typed.number, certain=False) or "",
        better=found.choices.of_number(typed.number),
        needs_page=typed.carrier == OTHER
        or typed.carrier in found.choices.without_page
        or bool(typed.url),
        obstacles=[],
        sentence=refusals.sentence,
        refusal=refusals.refusal,
        OTHER=OTHER,
    )


def _fields(problems: list[Problem]) -> Mapping[str, Problem]:
    names = {"/carrier_code": "carrier", "/tracking_number": "number", "/tracking_url": "url"}
    found: dict[str, Problem] = {}
    for each in problems:
        if each.pointer in names:
            found.setdefault(names[each.pointer], each)
    return found
