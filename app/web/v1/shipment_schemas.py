"""JSON of shipments: request bodies, a page of a list, and a preview."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.domain.orders.requests import RequestedItem, ShipRequest, TrackingCorrection
from app.storage.queries.views import ShipmentView, WarningView
from app.usecases.orders.preview_shipment import Preview
from app.usecases.orders.shipment_advice import AdviceView
from app.web import dry_runs
from app.web.dry_runs import Rehearsed
from app.web.problem_documents import ErrorItem
from app.web.v1.fields import Id, In, LongText, Out, Plain, Quantity, Text, Time

_NAMES = ("line_number", "sku", "commerce_item_id")
# A rule limits the length further, with an error code of its own.
_TrackingNumber = Annotated[Plain, Field(max_length=200, strict=True)]


class ShipmentItemIn(In):
    """Units of one line, which is identified by its number, its SKU or its Commerce item."""

    quantity: Quantity
    line_number: Text | None = None
    sku: Text | None = None
    commerce_item_id: Id | None = None

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if sum(getattr(self, name) is not None for name in _NAMES) != 1:
            raise PydanticCustomError(
                "one_name", f"Exactly one of {', '.join(_NAMES)} is needed.", {"code": "invalid"}
            )
        return self


class ShipmentIn(In):
    """A package that was sent. Without items it contains all remaining units of the order."""

    carrier_code: Text = Field(description="The carrier code of Commerce.")
    tracking_number: _TrackingNumber
    carrier_title: Text | None = None
    tracking_url: LongText | None = None
    shipped_at: Time | None = Field(
        default=None, description="The default is the time of the request."
    )
    method_code: Text | None = Field(
        default=None,
        description="The default is the order's ship method if Walmart knows it, else Standard.",
    )
    reference: Text | None = Field(
        default=None,
        description="Unique in the order. A repeated reference returns the first shipment.",
    )
    override_cancel_request: bool = Field(default=False, strict=True)
    items: Annotated[list[ShipmentItemIn], Field(min_length=1, max_length=1000)] | None = None

    def to_request(self) -> ShipRequest:
        """Convert to the request that the rules take."""
        items = None
        if self.items is not None:
            items = tuple(RequestedItem(**item.model_dump()) for item in self.items)
        return ShipRequest(**{**self.model_dump(exclude={"items"}), "items": items})


class TrackingIn(In):
    """A correction of a shipment. Fields that are left out keep their values."""

    carrier_code: Text | None = None
    carrier_title: Text | None = None
    tracking_number: _TrackingNumber | None = None
    tracking_url: LongText | None = None
    method_code: Text | None = Field(
        default=None, description="Another shipping method of Walmart's."
    )
    shipped_at: Time | None = Field(default=None, description="When the package really left.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any(self.model_dump().values()):
            raise PydanticCustomError("nothing", "Nothing to correct was given.")
        return self

    def to_correction(self) -> TrackingCorrection:
        """Convert to the correction that the rules take."""
        return TrackingCorrection(**self.model_dump())


class ShipmentsOut(Out):
    """A page of the shipments of an order, oldest first."""

    data: list[ShipmentView]
    next_cursor: str | None


class WalmartRequestOut(Out):
    """The request that Walmart would receive."""

    method: str
    path: str
    body: dict[str, Any]


class PreviewOut(Out):
    """The request that a shipment would send, and the problems that prevent it."""

    would_be_accepted: bool
    walmart_carrier: dict[str, str]
    carrier_found_by: str | None = Field(
        description="What named Walmart's carrier, as in a shipment; null: it goes out as other."
    )
    warnings: list[AdviceView]
    walmart_request: WalmartRequestOut | None = Field(
        description="null: nothing is sent, because of a problem or of a repeated `reference`."
    )
    problems: list[ErrorItem]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewOut":
        """Convert a preview."""
        sent = None
        if preview.body is not None:
            sent = WalmartRequestOut(method="POST", path=preview.path, body=preview.body)
        return cls(
            would_be_accepted=not preview.problems,
            walmart_carrier=preview.walmart_carrier,
            carrier_found_by=preview.carrier_found_by,
            warnings=list(preview.warnings),
            walmart_request=sent,
            problems=dry_runs.items(preview.problems),
        )


class TrackingPreviewOut(Out):
    """What a correction of a shipment would do, and the problems that prevent it."""

    would_be_accepted: bool
    will: Literal["sent_corrected", "correction_follows", "retried"] | None = Field(
        description="`sent_corrected`: the shipment has not reached Walmart, and goes out with the "
        "new values. `correction_follows`: Walmart gets a tracking update once it has the shipment."
        " `retried`: nothing differs, and the failed shipment is only sent again. null: a problem "
        "prevents it."
    )
    walmart_carrier: dict[str, str] | None
    carrier_found_by: str | None
    warnings: list[WarningView]
    problems: list[ErrorItem]

    @classmethod
    def of(
        cls, before: ShipmentView | None, found: Rehearsed[ShipmentView]
    ) -> "TrackingPreviewOut":
        """Convert the result of a dry run. before: the shipment as it is."""
        after = found.result
        return cls(
            would_be_accepted=after is not None,
            will=_will(before, after) if before and after else None,
            walmart_carrier=after.walmart_carrier if after else None,
            carrier_found_by=after.carrier_found_by if after else None,
            warnings=list(after.warnings) if after else [],
            problems=dry_runs.items(found.problems),
        )


def _will(
    before: ShipmentView, after: ShipmentView
) -> Literal["sent_corrected", "correction_follows", "retried"]:
    was, now = before.correction, after.correction
    if now is not None and (was is None or was.id != now.id):
        return "correction_follows"
    same = (before.carrier_code, before.carrier_title, before.tracking_number, before.tracking_url)
    new = (after.carrier_code, after.carrier_title, after.tracking_number, after.tracking_url)
    return "retried" if before.state == "failed" and same == new else "sent_corrected"
