"""Orders and their items in the answers of Commerce's REST API."""

from typing import Any

from pydantic import BaseModel, Field

from app.domain.ids import store_of
from app.domain.orders.buyer import RESERVED_EMAIL
from app.storage.queries.views import OrderLineView, OrderView
from app.web.commerce.fields import IF_ANY, as_time

# Fulfillment status to Commerce's order state, by which its clients branch.
_STATES = {
    "open": "processing",
    "partially_shipped": "processing",
    "shipped": "complete",
    "canceled": "canceled",
}


class CommerceItemOut(BaseModel):
    """Lines of an order as an order item of Commerce."""

    item_id: int | None = IF_ANY
    order_id: int | None = IF_ANY
    sku: str
    name: str | None = IF_ANY
    price: float | None = IF_ANY
    qty_ordered: int
    qty_shipped: int
    qty_canceled: int
    qty_refunded: int
    ext_order_item_id: str
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, order: OrderView, *lines: OrderLineView) -> "CommerceItemOut":
        """Render the lines that are linked to one item."""
        first, quantities = lines[0], [line.quantity for line in lines]
        return cls(
            item_id=next(iter(first.commerce_ids), None),
            order_id=order.commerce_order_id,
            sku=first.sku,
            name=first.name,
            price=price_of(first),
            qty_ordered=sum(each.ordered for each in quantities),
            qty_shipped=sum(each.shipped for each in quantities),
            qty_canceled=sum(each.canceled for each in quantities),
            qty_refunded=sum(each.refunded for each in quantities),
            ext_order_item_id=",".join(line.line_number for line in lines),
            created_at=as_time(order.ordered_at or order.created_at),
            updated_at=as_time(order.updated_at),
        )


class CommerceItemsOut(BaseModel):
    """A page of order items."""

    items: list[CommerceItemOut]
    search_criteria: dict[str, Any]
    total_count: int


class CommerceOrderOut(BaseModel):
    """An order as an order of Commerce. extension_attributes has Waybill's own fields."""

    entity_id: int | None = IF_ANY
    increment_id: str | None = IF_ANY
    ext_order_id: str
    ext_customer_id: str | None = IF_ANY
    store_id: int = Field(description="The store's number in Waybill.")
    state: str
    status: str
    customer_email: str = Field(
        description="A constant of the order at a reserved domain. No buyer's address is stored."
    )
    order_currency_code: str | None = IF_ANY
    grand_total: float = Field(description="0 if a line has no price.")
    base_grand_total: float = Field(description="The same as grand_total.")
    total_item_count: int
    total_qty_ordered: int
    created_at: str
    updated_at: str
    items: list[CommerceItemOut]
    extension_attributes: dict[str, Any]

    @classmethod
    def of(cls, view: OrderView) -> "CommerceOrderOut":
        """Render an order."""
        value = view.order_value
        total = float(value.amount) if value else 0
        # mutation: reserved-customer-email
        return cls(
            entity_id=view.commerce_order_id,
            increment_id=view.commerce_order_number,
            ext_order_id=view.purchase_order_id,
            ext_customer_id=view.customer_order_id,
            state=_state(view),
            status=view.status,
            store_id=store_of(view.store_id),
            customer_email=view.purchase_order_id.join(RESERVED_EMAIL),
            order_currency_code=value.currency if value else None,
            grand_total=total,
            base_grand_total=total,
            total_item_count=len(view.lines),
            total_qty_ordered=view.item_count,
            created_at=as_time(view.ordered_at or view.created_at),
            updated_at=as_time(view.updated_at),
            items=[CommerceItemOut.of(view, line) for line in view.lines],
            extension_attributes={
                "waybill_order_id": str(view.id),
                "sync_state": view.sync.state,
                "ship_by": as_time(view.ship_by) if view.ship_by else None,
                "status_details": [
                    {"code": each.code, "message": each.message} for each in view.status_details
                ],
            },
        )


class CommerceOrdersOut(BaseModel):
    """A page of orders."""

    items: list[CommerceOrderOut]
    search_criteria: dict[str, Any]
    total_count: int


def _state(view: OrderView) -> str:
    """Commerce's state; closed if all that was shipped is refunded."""
    quantities = [line.quantity for line in view.lines]
    state = _STATES[view.fulfillment_status]
    # mutation: commerce-closed-state
    if state == "complete" and all(each.refunded >= each.shipped for each in quantities):
        return "closed"
    return state


def price_of(line: OrderLineView) -> float | None:
    """The price of a unit. None means that it is not known."""
    return float(line.unit_price.amount) if line.unit_price else None
