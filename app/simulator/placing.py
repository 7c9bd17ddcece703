"""Create a buyer's order from the body of the admin route."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.simulator.errors import BadInput
from app.simulator.names import MARKETS, SHIP_METHODS
from app.simulator.orders import (
    ACKNOWLEDGED,
    CREATED,
    SELLER_FULFILLED,
    WFS_FULFILLED,
    Parcel,
    SimulatedLine,
    SimulatedOrder,
)

_DAY_MS = 86_400_000
_MOST_UNITS = 1_000_000


def order_from(wanted: Mapping[str, Any], number: Callable[[], int], now: int) -> SimulatedOrder:
    """Create an order. number returns new ids; now is in milliseconds since 1970.

    Raises BadInput for an order that Walmart could not have.
    """
    method = wanted.get("ship_method") or "Standard"
    if method not in SHIP_METHODS:
        raise BadInput(f"ship_method must be one of {', '.join(sorted(SHIP_METHODS))}")
    node = wanted.get("node_type") or SELLER_FULFILLED
    if node not in {SELLER_FULFILLED, WFS_FULFILLED}:
        raise BadInput(f"node_type must be {SELLER_FULFILLED} or {WFS_FULFILLED}")
    ordered_at = _time(wanted, "ordered_at", now - 60_000)
    return SimulatedOrder(
        purchase_order_id=str(wanted.get("purchase_order_id") or number()),
        customer_order_id=str(wanted.get("customer_order_id") or number()),
        ordered_at=ordered_at,
        ship_by=_time(wanted, "ship_by", now + 2 * _DAY_MS),
        deliver_by=_time(wanted, "deliver_by", now + 6 * _DAY_MS),
        ship_method=method,
        lines={line.number: line for line in _lines(wanted, now)},
        node_type=node,
        market=_market(str(wanted.get("client_id") or "")),
        garbled=wanted.get("garbled") is True,
    )


def _market(client_id: str) -> str:
    """Return the market of an account: seller, or seller@ca."""
    _, _, market = client_id.partition("@")
    if market and market not in MARKETS:
        raise BadInput(f"a market is one of {', '.join(MARKETS)}")
    return market or MARKETS[0]


def _time(wanted: Mapping[str, Any], name: str, default: int) -> int:
    at = wanted.get(name)
    if at is not None and (type(at) is not int or at < 0):
        raise BadInput(f"{name} is a number of milliseconds since 1970")
    return default if at is None else at


def _lines(wanted: Mapping[str, Any], now: int) -> Iterator[SimulatedLine]:
    status, lines = wanted.get("status") or CREATED, wanted.get("lines")
    if status not in {CREATED, ACKNOWLEDGED}:
        raise BadInput(f"status must be {CREATED} or {ACKNOWLEDGED}")
    if not isinstance(lines, list) or not lines:
        raise BadInput("lines is a list of at least one line")
    seen: set[str] = set()
    for position, each in enumerate(lines, start=1):
        if not isinstance(each, Mapping):
            raise BadInput("a line is an object with a sku")
        line = _line(position, each, status, now)
        if line.number in seen:
            raise BadInput(f"line_number {line.number} is there twice")
        seen.add(line.number)
        yield line


def _line(position: int, wanted: Mapping[str, Any], status: str, now: int) -> SimulatedLine:
    units, sku = wanted.get("quantity", 1), str(wanted.get("sku") or "")
    if type(units) is not int or not 1 <= units <= _MOST_UNITS:
        raise BadInput(f"quantity is a whole number from 1 to {_MOST_UNITS}")
    if not sku:
        raise BadInput("a line needs a sku")
    return SimulatedLine(
        number=str(wanted.get("line_number") or position),
        sku=sku,
        name=str(wanted.get("name") or sku),
        quantity=units,
        unit_price=_price(wanted.get("unit_price")),
        parcels=[Parcel(status, units)],
        changed_at=now,
        charges=_charges(wanted.get("charges") or []),
    )


def _charges(wanted: object) -> list[Mapping[str, Any]]:
    if not isinstance(wanted, list) or not all(isinstance(each, Mapping) for each in wanted):
        raise BadInput("charges is a list of charges as Walmart shows them")
    return wanted


def _price(wanted: object) -> float:
    try:
        price = 14.0 if wanted is None else float(str(wanted))
    except ValueError:
        price = math.nan
    if not math.isfinite(price) or price < 0:
        raise BadInput("unit_price is an amount such as 14.00")
    return price
