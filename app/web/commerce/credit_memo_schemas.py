"""Refunds as Commerce's CreditmemoInterface. Walmart calculates the amounts of a refund.

Fields that Adobe's schema requires and that Waybill does not know are 0.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from app.commerce.payload_fields import amount
from app.commerce.payloads import AMOUNT_ONLY
from app.domain.errors import Invalid, Problem
from app.domain.ids import store_of
from app.domain.update import State
from app.storage.queries.views import OrderLineView, OrderView, RefundOfReturnView, ReturnView
from app.web.commerce.fields import IF_ANY, CommentFields, CommerceBody, Flag, Id, Short, as_time
from app.web.commerce.order_schemas import price_of
from app.web.commerce.schemas import CommerceRefundIn
from app.web.commerce.shipment_schemas import row_id

# Commerce's states of a credit memo (Magento\Sales\Model\Order\Creditmemo).
_OPEN, _REFUNDED, _CANCELED = 1, 2, 3
_STATES = {State.CONFIRMED: _REFUNDED, State.DISMISSED: _CANCELED}


def _amount(value: object) -> object:
    found = amount(value)
    return float(found) if found is not None else None


class CreditMemoIn(CommerceRefundIn):
    """A credit memo to refund. Amounts are ignored."""

    order_id: Id
    increment_id: Short | None = None
    transaction_id: Short | None = None
    adjustment_positive: Annotated[float | None, BeforeValidator(_amount)] = Field(
        default=None, exclude=True, description="Refused without items. Walmart takes no amount."
    )
    comments: Annotated[list[CommentFields], Field(max_length=100)] | None = None


class RefundMemoIn(CommerceBody):
    """Body of Commerce's POST /V1/creditmemo/refund."""

    creditmemo: CreditMemoIn
    offlineRequested: Flag = False  # noqa: N815 - Commerce's name

    def to_refund(self) -> CommerceRefundIn:
        """The memo as the body of /V1/order/{orderId}/refund, which is the same refund.

        Raises Invalid creditmemo_online, creditmemo_amount_only or required.
        """
        memo = self.creditmemo
        # mutation: credit-memo-refunded-online
        if memo.transaction_id:
            message = "The payment provider refunded it already. Create the credit memo offline."
            raise _invalid("creditmemo_online", message, "transaction_id")
        if not memo.items:
            if memo.adjustment_positive:
                raise _invalid(AMOUNT_ONLY.code, AMOUNT_ONLY.message, "items")
            message = "A credit memo needs items with an order_item_id and a qty."
            raise _invalid("required", message, "items")
        texts = [memo.increment_id, *(each.get("comment") for each in memo.comments or ())]
        text = "\n".join(str(each) for each in texts if each)
        # mutation: credit-memo-by-either-path
        return CommerceRefundIn(items=memo.items, comment={"comment": text} if text else None)


def _invalid(code: str, message: str, field: str) -> Invalid:
    return Invalid(code, message, [Problem(code, message, f"/creditmemo/{field}")])


class CommerceCreditMemoItemOut(BaseModel):
    """Units of a line in a credit memo."""

    entity_id: int
    parent_id: int
    order_item_id: int | None = IF_ANY
    sku: str
    name: str | None = IF_ANY
    price: float | None = IF_ANY
    base_price: float
    base_cost: float
    qty: int


class CommerceCreditMemoOut(BaseModel):
    """A refund as a credit memo of Commerce. extension_attributes has Waybill's own fields."""

    entity_id: int
    increment_id: str
    order_id: int
    store_id: int
    state: int = Field(description="1: on its way or failed, 2: refunded, 3: dismissed.")
    order_currency_code: str | None = IF_ANY
    created_at: str
    updated_at: str
    items: list[CommerceCreditMemoItemOut]
    comments: list[dict[str, Any]]
    extension_attributes: dict[str, Any]

    @classmethod
    def of(
        cls, order: OrderView, returned: ReturnView, refund: RefundOfReturnView
    ) -> "CommerceCreditMemoOut":
        """Render a refund of an order."""
        detail = refund.update.status_detail
        return cls(
            entity_id=refund.number,
            increment_id=f"{refund.number:09}",
            order_id=order.commerce_order_id or 0,
            store_id=store_of(order.id),
            state=_STATES.get(State(refund.state), _OPEN),
            order_currency_code=order.order_value.currency if order.order_value else None,
            created_at=as_time(refund.created_at),
            updated_at=as_time(refund.update.updated_at),
            items=_items(order, returned, refund),
            comments=_comments(refund),
            extension_attributes={
                "waybill_return_id": str(returned.id),
                "rma_number": returned.rma_number,
                "sync_state": refund.state,
                "status_details": [{"code": detail.code, "message": detail.message}]
                if detail
                else [],
            },
        )


class CommerceCreditMemosOut(BaseModel):
    """A page of credit memos."""

    items: list[CommerceCreditMemoOut]
    search_criteria: dict[str, Any]
    total_count: int


def _items(
    order: OrderView, returned: ReturnView, refund: RefundOfReturnView
) -> list[CommerceCreditMemoItemOut]:
    numbers = {item.return_line_number: item for item in returned.items}
    lines = {line.line_number: line for line in order.lines}
    rows = []
    for place, item in enumerate(refund.items):
        sent_back = numbers[item.return_line_number]
        line: OrderLineView | None = lines.get(sent_back.line_number)
        price = price_of(line) if line else None
        rows.append(
            CommerceCreditMemoItemOut(
                entity_id=row_id(refund.number, place),
                parent_id=refund.number,
                order_item_id=next(iter(line.commerce_ids), None) if line else None,
                sku=sent_back.sku,
                name=sent_back.name,
                price=price,
                base_price=price or 0,
                base_cost=0,
                qty=item.quantity,
            )
        )
    return rows


def _comments(refund: RefundOfReturnView) -> list[dict[str, Any]]:
    if refund.comment is None:
        return []
    return [
        {
            "comment": refund.comment,
            "created_at": as_time(refund.created_at),
            "is_customer_notified": 0,
            "is_visible_on_front": 0,
            "parent_id": refund.number,
        }
    ]
