"""Requests to ship, refund and cancel by Commerce's REST API.

Fields that Waybill does not use are ignored.
"""

import hashlib
import json
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from app.commerce import php_json
from app.commerce.payload_fields import amount
from app.commerce.payloads import AMOUNT_ONLY, NOTHING_SHIPPED
from app.commerce.shipment_tracks import Track, distinct, split
from app.domain import db_limits
from app.domain.errors import Problem, refuse
from app.domain.orders.cancellation import LABELS, Reason
from app.domain.orders.order import Order
from app.domain.orders.requests import RequestedItem
from app.usecases.commerce_events.rest_tracks import RestShipment
from app.usecases.returns.repeated import REPEATED_WITHIN, RefundReference
from app.web.commerce.fields import CommentFields, CommerceBody, Flag, Id, Short, Text, Units
from app.web.v1.cancellation_schemas import whole_order


class ItemIn(CommerceBody):
    """Units of an item of the Commerce order."""

    order_item_id: Id
    qty: Units

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
    tracks: Annotated[list[TrackIn], Field(max_length=100)] = Field(default=[])
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
