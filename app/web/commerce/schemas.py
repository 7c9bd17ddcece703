"""Bodies of Commerce's REST API. Fields of a request that Waybill does not use are ignored.

Requests are read by the rules of `app/commerce/php_json.py`.
"""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.commerce import php_json
from app.commerce.payload_fields import amount
from app.commerce.payloads import AMOUNT_ONLY, NOTHING_SHIPPED
from app.commerce.shipment_tracks import Track, distinct, split
from app.domain import db_limits
from app.domain.db_limits import BIGINT, INT
from app.domain.errors import Problem, refuse
from app.domain.ids import store_of
from app.domain.orders.buyer import RESERVED_EMAIL
from app.domain.orders.cancellation import LABELS, Reason
from app.domain.orders.order import Order
from app.domain.orders.requests import RequestedItem
from app.storage.queries.views import OrderLineView, OrderView
from app.usecases.commerce_events.rest_tracks import RestShipment
from app.usecases.returns.repeated import REPEATED_WITHIN, RefundReference
from app.web.v1.cancellation_schemas import whole_order
from app.web.v1.fields import Plain

# A field without a value is left out, as Commerce leaves it out (magento/magento2,
# Framework/Reflection/DataObjectProcessor.php, buildOutputDataArray()).
# mutation: nulls-for-commerce
IF_ANY: Any = Field(default=None, exclude_if=lambda value: value is None)
# Nesting levels of a comment. Commerce's own comments have two.
_DEEPEST = 20
# Fulfillment status to Commerce's order state, by which its clients branch.
_STATES = {
    "open": "processing",
    "partially_shipped": "processing",
    "shipped": "complete",
    "canceled": "canceled",
}


def _whole(value: Any) -> Any:  # noqa: ANN401 - whatever came as JSON
    """A whole number. Commerce often writes numbers as text, such as "1.0000"."""
    whole = db_limits.whole_number(value)
    if whole is None:
        raise PydanticCustomError("number", "The value must be a whole number.")
    return whole


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse a comment that is nested too deeply to be serialized again."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return value
    # mutation: comment-nesting-depth
    raise PydanticCustomError("comment", "The comment is nested too deeply.")


Text = Annotated[Plain, BeforeValidator(php_json.text)]
Short = Annotated[Text, Field(max_length=200)]
Flag = Annotated[bool, BeforeValidator(php_json.flag)]
CommentFields = Annotated[
    dict[str, Any], BeforeValidator(php_json.given_fields), AfterValidator(_shallow)
]
# The bounds stand before the validator, so that the OpenAPI document has them.
_Units = Annotated[int, Field(ge=0, le=INT), BeforeValidator(_whole)]
Id = Annotated[int, Field(ge=1, le=BIGINT), BeforeValidator(_whole)]
Bit = Annotated[int, Field(ge=0, le=1), BeforeValidator(_whole)]


class CommerceBody(BaseModel):
    """A request body of Commerce's API, or an object in it."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _as_commerce_reads_it(cls, value: object) -> object:
        return php_json.given_fields(value, cls.model_fields)


class ItemIn(CommerceBody):
    """Units of an item of the Commerce order."""

    order_item_id: Id
    qty: _Units

    def to_item(self) -> RequestedItem:
        """The item for the use case."""
        return RequestedItem(self.qty, commerce_item_id=self.order_item_id)


def _with_units(without: Problem) -> AfterValidator:
    """Leave out the rows of quantity 0, as Commerce's forms send them for what stays behind.

    without: the problem if no row is left.
    """

    def check(items: list[ItemIn]) -> list[ItemIn]:
        some = [item for item in items if item.qty]
        # mutation: rows-of-quantity-0
        if items and not some:
            raise PydanticCustomError("no_units", "{text}", _context(without))
        return some

    return AfterValidator(check)


def _context(problem: Problem) -> dict[str, Any]:
    return {"text": problem.message, "code": problem.code}


_Items = Annotated[list[ItemIn], Field(max_length=1000)]
_Shipped = Annotated[_Items, _with_units(NOTHING_SHIPPED)]
_Credited = Annotated[_Items, _with_units(AMOUNT_ONLY)]


class TrackAttributesIn(CommerceBody):
    """The items of the package with this track, an extension of Commerce's track."""

    items: _Shipped | None = None


class TrackIn(CommerceBody):
    """A tracking number and its carrier."""

    track_number: Short = ""
    title: Short | None = None
    carrier_code: Short = "custom"
    extension_attributes: TrackAttributesIn | None = None

    def to_track(self) -> Track:
        """The track for `app/commerce/shipment_tracks.py`."""
        own = self.extension_attributes.items if self.extension_attributes else None
        items = tuple(item.to_item() for item in own) if own else None
        return Track(self.carrier_code, self.title, self.track_number, items)


class ShipIn(CommerceBody):
    """Body of Commerce's POST /V1/order/{orderId}/ship."""

    items: _Shipped | None = None
    tracks: Annotated[list[TrackIn], Field(max_length=100)] = []
    notify: Flag = False
    appendComment: Flag = False  # noqa: N815 - Commerce's name
    comment: CommentFields | None = None

    def to_shipment(self, order: Order | None = None) -> RestShipment:
        """The shipment for the use case. order: needed if `has_packages`. Raises Invalid.

        The reference is a digest of the body, so that a client which repeats a request after a
        lost answer gets the number of the first shipment.
        """
        items = self._items
        return RestShipment(_reference(self), items, split(self._tracks, items, order))

    @property
    def has_packages(self) -> bool:
        """Whether there are several tracking numbers, and the order says how many units go."""
        return len(distinct(self._tracks)) > 1

    @property
    def _items(self) -> tuple[RequestedItem, ...] | None:
        return tuple(item.to_item() for item in self.items) if self.items else None

    @property
    def _tracks(self) -> tuple[Track, ...]:
        return tuple(track.to_track() for track in self.tracks)


class CommerceRefundIn(CommerceBody):
    """Body of Commerce's POST /V1/order/{orderId}/refund."""

    items: _Credited | None = None
    comment: CommentFields | None = None
    # Left out of the body's digest, by which earlier releases recognise a repetition.
    arguments: Annotated[dict[str, Any], BeforeValidator(php_json.fields)] | None = Field(
        default=None,
        exclude=True,
        description="Amounts, which Walmart calculates itself. An `adjustment_positive` without "
        "items is refused.",
    )

    @property
    def amount_only(self) -> bool:
        """Whether it has no items and credits an amount, so that all units would be too much."""
        # mutation: adjustment-without-items
        return not self.items and bool(amount((self.arguments or {}).get("adjustment_positive")))

    def to_items(self) -> tuple[RequestedItem, ...] | None:
        """The items for the use case; None means all remaining units of the return.

        Raises Invalid creditmemo_amount_only.
        """
        if self.amount_only:
            refuse([replace(AMOUNT_ONLY, pointer="/items")])
        return tuple(item.to_item() for item in self.items) if self.items else None

    def reference(self, key: str | None = None) -> RefundReference:
        """The reference of the refund: a digest of the body and the Idempotency-Key, if any.

        It is valid for REPEATED_WITHIN: a later request with the same body is another refund.
        """
        return RefundReference(_reference(self, key), REPEATED_WITHIN)

    @property
    def comment_text(self) -> str | None:
        """Text of the comment."""
        text = (self.comment or {}).get("comment")
        return db_limits.storable(text[:1000]) if isinstance(text, str) and text else None


def _reference(body: CommerceBody, key: str | None = None) -> str:
    content = json.dumps(body.model_dump(mode="json"), sort_keys=True).encode()
    if key is not None:
        content += b"\0" + key.encode()
    # mutation: repeated-body-on-commerce-path
    return f"rest-{hashlib.sha256(content).hexdigest()[:40]}"


class CancelIn(CommerceBody):
    """Body of a cancellation, which is optional."""

    reason: Short | None = Field(
        default=None,
        description="A code of `GET /v1/cancellation-reasons`, or a label of Adobe's for it. "
        "Capitals do not count.",
        examples=[*Reason, *(label for labels in LABELS.values() for label in labels)],
    )
    comment: Annotated[Text, Field(max_length=1000)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _whole_order(cls, value: object) -> object:
        # Any other unknown field is ignored. Null and empty lists name nothing, as in all bodies.
        given = value if isinstance(value, dict) else {}
        whole_order({name: each for name, each in given.items() if each})
        return value


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


def as_time(at: datetime) -> str:
    """A time in Commerce's form: UTC without a zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def price_of(line: OrderLineView) -> float | None:
    """The price of a unit. None means that it is not known."""
    return float(line.unit_price.amount) if line.unit_price else None
