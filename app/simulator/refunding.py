"""Walmart's rules for refunding lines of an order by amounts (POST /v3/orders/{po}/refund).

The fields and reasons are those of its OpenAPI document of orders. Amounts are negative, and add up
over all refunds of a line. A unit has the status Refund once its whole price is refunded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from app.simulator import bodies
from app.simulator.errors import bad_content
from app.simulator.ledger import Effect
from app.simulator.names import REFUND_REASONS
from app.simulator.orders import (
    DELIVERED,
    REFUNDED,
    SHIPPED,
    Parcel,
    SimulatedLine,
    SimulatedOrder,
)


@dataclass(frozen=True, slots=True)
class _RequestedRefund:
    line: SimulatedLine
    amount: Decimal
    refunds: Sequence[Mapping[str, Any]]


def refund(order: SimulatedOrder, body: object, now: int) -> list[Effect]:
    """Refund amounts of shipped lines, all or none. Raises Walmart's 400."""
    asked = bodies.part(body, "orderRefund")
    if asked.get("purchaseOrderId") != order.purchase_order_id:
        raise bad_content("purchaseOrderId is not that of the order", "purchaseOrderId")
    lines = bodies.listed(bodies.part(asked, "orderLines"), "orderLine")
    if len({each.get("isFullRefund") is True for each in lines}) > 1:
        raise bad_content("All lines are refunded in full, or none", "isFullRefund")
    wanted = [_requested(order, each) for each in lines]
    if len({one.line.number for one in wanted}) < len(wanted):
        raise bad_content("lineNumber is there twice", "lineNumber")
    return [_apply(one, now) for one in wanted]


def _requested(order: SimulatedOrder, asked: Mapping[str, Any]) -> _RequestedRefund:
    number = asked.get("lineNumber")
    line = order.lines.get(number) if isinstance(number, str) else None
    if line is None:
        raise bad_content(f"Line {number} is not in the order", "lineNumber")
    units = line.units(SHIPPED, DELIVERED, REFUNDED)
    if not line.units(SHIPPED, DELIVERED):
        raise bad_content(f"Line {line.number} has no shipped units to refund")
    refunds = bodies.listed(bodies.part(asked, "refunds"), "refund")
    amounts = list(_amounts(refunds))
    # mutation: simulated-refund-limit
    left = _price(line) * units - line.refunded_amount
    amount = left if asked.get("isFullRefund") is True else sum(amounts, Decimal(0))
    if amount > left:
        raise bad_content(f"Line {line.number}: refund amount exceeds what is left of {left}")
    return _RequestedRefund(line, amount, refunds)


def _amounts(refunds: Sequence[Mapping[str, Any]]) -> Iterator[Decimal]:
    """Yield the amounts of the item price, as positive numbers."""
    for each in refunds:
        for named in bodies.listed(bodies.part(each, "refundCharges"), "refundCharge"):
            reason, charge = named.get("refundReason"), bodies.part(named, "charge")
            if not isinstance(reason, str) or reason not in REFUND_REASONS:
                raise bad_content("Refund reason is not supported", "refundReason")
            amount = _negative(bodies.part(charge, "chargeAmount").get("amount"))
            if charge.get("chargeType") == "PRODUCT":
                yield amount


def _negative(value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount >= 0:
        raise bad_content("The amount of a refund is a negative number", "amount")
    return -amount


def _price(line: SimulatedLine) -> Decimal:
    return Decimal(str(line.unit_price))


def _apply(one: _RequestedRefund, now: int) -> Effect:
    line = one.line
    line.refunded_amount += one.amount
    line.refunds = (*line.refunds, *one.refunds)
    price = _price(line)
    whole = int(line.refunded_amount / price) if price else line.quantity
    units = min(whole - line.units(REFUNDED), line.units(SHIPPED, DELIVERED))
    if units > 0:
        line.move((SHIPPED, DELIVERED), Parcel(REFUNDED, units), now)
    line.changed_at = now
    return Effect("order_refund", line.number, max(units, 0), reference=str(one.amount))
