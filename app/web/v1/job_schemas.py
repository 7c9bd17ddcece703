"""JSON of jobs and of acts on many: which orders or updates, and what to do."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.domain.update import Kind
from app.usecases.many import MOST
from app.web.v1.fields import In, LongText, Text, Time
from app.web.v1.order_filters import FulfilledBy, OpenSync, OrderStatus

Flag = Annotated[bool, Field(strict=True)]
Ids = Annotated[list[UUID], Field(min_length=1, max_length=MOST)]


class UpdatesWantedIn(In):
    """A filter of updates, as of their list. A field that is left out filters nothing."""

    state: Literal["failed", "retrying", "verifying"] = "failed"
    kind: Kind | None = None
    store_id: UUID | None = None
    order_id: UUID | None = None
    code: Text | None = Field(default=None, description="The code of the last error.")


class OrdersWantedIn(In):
    """A filter of orders, as of their list. A field that is left out filters nothing."""

    store_id: UUID | None = None
    status: Annotated[list[OrderStatus] | None, Field(max_length=5)] = None
    q: Text | None = None
    updated_since: Time | None = None
    ship_before: Time | None = None
    late: Flag = False
    ship_soon: Flag = False
    ordered_from: Time | None = None
    ordered_to: Time | None = None
    sync: Annotated[list[OpenSync] | None, Field(max_length=3)] = None
    code: Text | None = None
    cancel_requested: Flag = False
    return_requested: Flag = False
    without_commerce_order: Flag = False
    ship_method: Text | None = None
    fulfilled_by: FulfilledBy | None = None


class JobIn(In):
    """One act on all updates or orders that a filter finds. One of `updates` and `orders`."""

    kind: Literal["retry", "dismiss", "refresh"] = Field(
        description="`refresh` needs `orders`, `dismiss` needs a `note`. Of an order the failed "
        "updates are dismissed, and the failed and retrying ones retried."
    )
    updates: UpdatesWantedIn | None = None
    orders: OrdersWantedIn | None = None
    note: LongText | None = None
    override_cancel_request: bool = Field(
        default=False, strict=True, description="Ship although the buyer requested a cancellation."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.updates is None) == (self.orders is None):
            raise _needed("One of updates and orders is needed.")
        if self.kind == "refresh" and self.orders is None:
            raise _needed("A refresh needs orders.")
        if self.kind == "dismiss" and self.note is None:
            raise _needed("A dismissal needs a note.")
        return self


class SelectedIn(In):
    """Updates, or orders with all their updates: together at most 200."""

    update_ids: Ids | None = None
    order_ids: Ids | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        check_selected(self.update_ids, self.order_ids)
        return self


class DismissManyIn(SelectedIn):
    """Updates to dismiss, or orders with failed updates to dismiss, and the reason."""

    note: LongText


class RefreshManyIn(In):
    """Orders to read from Walmart."""

    order_ids: Ids


def check_selected(update_ids: Sequence[UUID] | None, order_ids: Sequence[UUID] | None) -> None:
    """Raise PydanticCustomError unless 1 to 200 updates and orders are named."""
    if update_ids is None and order_ids is None:
        raise _needed("update_ids or order_ids is needed.")
    if len(update_ids or ()) + len(order_ids or ()) > MOST:
        message = f"At most {MOST} updates and orders are allowed. Use a job for more."
        raise PydanticCustomError("too_many", message, {"code": "invalid"})


def _needed(message: str) -> PydanticCustomError:
    return PydanticCustomError("needed", message, {"code": "required"})
