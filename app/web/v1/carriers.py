"""/v1/carriers and /v1/ship-methods: what a shipment may name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from app.domain.errors import Unknown
from app.domain.orders.shipping import METHOD_CODES
from app.storage import queries
from app.storage.queries.carriers_in_use import CarrierInUse, carriers_in_use
from app.storage.queries.views import StoreView
from app.walmart import carrier_services, carriers
from app.web.dependencies import Reading, answer, respond
from app.web.route import OperationRouter
from app.web.v1.examples import AT
from app.web.v1.fields import Out
from app.web.v1.responses import problems, success

router = OperationRouter("/v1", "carriers")


class WalmartCarrierOut(Out):
    """One of Walmart's carriers. It needs no tracking URL."""

    name: str
    """Walmart's spelling."""
    also_called: list[str]
    """Other codes and titles that name this carrier, in lower case without points."""


class StoreCarrierOut(Out):
    """One entry of a store's `carriers`: what a carrier code of its Commerce goes out as."""

    carrier_code: str
    walmart_carrier: str | None
    """One of Walmart's carriers. Null means that the code goes out as `other`."""
    other: str | None
    """Name of a carrier that Walmart does not know."""
    tracking_url: str | None
    """Template with `{tracking_number}`."""
    tracking_url_required: bool
    """Whether a shipment must bring its own `tracking_url`."""


class CarrierInUseOut(Out):
    """A carrier code that shipments of the store named in the last 30 days."""

    carrier_code: str
    carrier_title: str | None
    shipments: int
    """Of the newest 1,000 shipments of the store."""
    last_at: datetime
    mapped: bool
    """Whether the store's `carriers` have the code."""
    walmart_carrier: str | None
    """What it went out as last. Null means that it went out as `other`."""
    other: str | None


class StoreCarriersOut(Out):
    """The carriers of a store."""

    carriers: list[StoreCarrierOut]
    """By carrier code."""
    default_tracking_url: str | None
    """Template for every other carrier that Walmart does not know."""
    in_use: list[CarrierInUseOut]
    """The codes of recent shipments, the most frequent first."""


class CarriersOut(Out):
    """Walmart's carriers, and those of a store."""

    data: list[WalmartCarrierOut]
    store: StoreCarriersOut | None
    """Null if no `store_id` was given."""


class ShipMethodOut(Out):
    """A shipping method of Walmart's, the `method_code` of a shipment."""

    method_code: str


class ShipMethodsOut(Out):
    """Walmart's shipping methods."""

    data: list[ShipMethodOut]


_UPS = {"name": "UPS", "also_called": ["united parcel service"]}
_ACME = {
    "carrier_code": "acme_freight",
    "walmart_carrier": None,
    "other": "Acme Freight",
    "tracking_url": "https://acme.example/t/{tracking_number}",
    "tracking_url_required": False,
}
_IN_USE = {
    "carrier_code": "acme_freight",
    "carrier_title": "Acme Freight",
    "shipments": 12,
    "last_at": AT,
    "mapped": True,
    "walmart_carrier": None,
    "other": "Acme Freight",
}
_STORE = {"carriers": [_ACME], "default_tracking_url": None, "in_use": [_IN_USE]}


@router.get(
    "/carriers",
    operation_id="list_carriers",
    summary="List carriers",
    response_model=CarriersOut,
    responses=success(
        200, CarriersOut, {"data": [_UPS], "store": _STORE}, "Every carrier that Walmart knows."
    )
    | problems("store_not_found"),
)
async def list_carriers(
    context: Reading,
    store_id: Annotated[UUID | None, Query(description="Shows this store's carriers too.")] = None,
) -> Response:
    """List Walmart's carriers by name, and what a store's carrier codes go out as.

    Any other carrier can be shipped with as well: it goes out under its title, and Walmart then
    wants a `tracking_url` and counts the number as not valid.
    """
    store = None
    if store_id is not None:
        context.store_of(store_id, "store")
        async with context.app.database.begin() as connection:
            view = await queries.store(connection, store_id)
            if view is None:
                raise Unknown("store", store_id)
            used = await carriers_in_use(connection, view.store_id)
        store = _store_carriers(view, used)
    return respond(answer(200, CarriersOut(data=_walmart_carriers(), store=store)))


@router.get(
    "/ship-methods",
    operation_id="list_ship_methods",
    summary="List shipping methods",
    response_model=ShipMethodsOut,
    responses=success(
        200,
        ShipMethodsOut,
        {"data": [{"method_code": code} for code in METHOD_CODES]},
        "Every shipping method that Walmart knows.",
    )
    | problems(),
)
async def list_ship_methods(context: Reading) -> Response:
    """List the values that `method_code` of a shipment may have."""
    del context  # only an API key is needed
    methods = [ShipMethodOut(method_code=code) for code in METHOD_CODES]
    return respond(answer(200, ShipMethodsOut(data=methods)))


def _walmart_carriers() -> list[WalmartCarrierOut]:
    called: dict[str, list[str]] = {name: [] for name in carriers.CARRIERS}
    for entry in carrier_services.table():
        known = {entry.carrier.casefold(), *called[entry.carrier]}
        called[entry.carrier] += [name for name in entry.names if name.casefold() not in known]
    return [
        WalmartCarrierOut(name=name, also_called=called[name])
        for name in sorted(called, key=str.casefold)
    ]


def _store_carriers(store: StoreView, used: Sequence[CarrierInUse]) -> StoreCarriersOut:
    mapped = {code.casefold() for code in store.carriers}
    return StoreCarriersOut(
        carriers=[_store_carrier(code, entry) for code, entry in sorted(store.carriers.items())],
        default_tracking_url=store.default_tracking_url,
        in_use=[
            CarrierInUseOut(
                carrier_code=each.code,
                carrier_title=each.title,
                shipments=each.shipments,
                last_at=each.last_at,
                mapped=each.code.casefold() in mapped,
                walmart_carrier=each.walmart_carrier.get("carrier"),
                other=each.walmart_carrier.get("other"),
            )
            for each in used
        ],
    )


def _store_carrier(code: str, entry: str | dict[str, str | None]) -> StoreCarrierOut:
    if isinstance(entry, str):
        return StoreCarrierOut(
            carrier_code=code,
            walmart_carrier=entry,
            other=None,
            tracking_url=None,
            tracking_url_required=False,
        )
    url = entry.get("tracking_url")
    # mutation: carrier-that-needs-a-url
    required = url is None
    return StoreCarrierOut(
        carrier_code=code,
        walmart_carrier=None,
        other=entry["other"],
        tracking_url=url,
        tracking_url_required=required,
    )
