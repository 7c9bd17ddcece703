"""Reads the lines of orders into views, and adds up what an order is worth."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from app.domain.orders.order import Money, OrderLine
from app.storage.orders.repository import OrderKey, per_unit_of
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery
from app.storage.queries import orders_by_id
from app.storage.queries.views import CommerceItemView, MoneyView, OrderLineView, QuantityView

_LINES = ShardedQuery(orders_by_id.of("order_lines", "t.*") + " ORDER BY t.order_id, t.position")


async def lines(reader: Reader, keys: Sequence[OrderKey]) -> dict[UUID, list[OrderLine]]:
    """The lines of some orders, in the order of Walmart's list."""
    found: dict[UUID, list[OrderLine]] = {order_id: [] for _, order_id in keys}
    for row in await orders_by_id.rows(_LINES, reader, keys):
        found[row["order_id"]].append(_line(row))
    return found


def _line(row: Row) -> OrderLine:
    price = row["unit_price"]
    return OrderLine(
        line_number=row["line_number"],
        sku=row["sku"],
        ordered=row["ordered"],
        pending=row["pending"],
        shipped=row["shipped"],
        canceled=row["canceled"],
        refunded=row["refunded"],
        name=row["name"],
        commerce_item_id=row["commerce_item_id"],
        unit_price=Money(price, row["currency"]) if price is not None else None,
        other_charges=row["other_charges"],
        commerce_items=per_unit_of(row["commerce_items"]),
    )


def view(line: OrderLine) -> OrderLineView:
    """The view of a line."""
    return OrderLineView(
        line_number=line.line_number,
        sku=line.sku,
        name=line.name,
        commerce_item_id=line.commerce_item_id,
        commerce_items=tuple(CommerceItemView(*each) for each in line.commerce_items.items()),
        unit_price=MoneyView.of(line.unit_price),
        quantity=QuantityView(
            ordered=line.ordered,
            shipped=line.shipped,
            canceled=line.canceled,
            refunded=line.refunded,
            pending=line.pending,
            remaining=line.remaining,
        ),
    )


def value(lines: Sequence[OrderLine]) -> MoneyView | None:
    """What the buyer pays, without tax. None means that a line has no price, or currencies differ.

    It is the price of all units and every other charge of their lines.
    """
    prices = [line.unit_price for line in lines]
    currencies = {price.currency for price in prices if price is not None}
    if None in prices or len(currencies) != 1:
        return None
    total = sum(
        (line.unit_price.amount * line.ordered for line in lines if line.unit_price), Decimal()
    )
    total += sum((line.other_charges for line in lines if line.other_charges), Decimal())
    return MoneyView.of(Money(total, currencies.pop()))
