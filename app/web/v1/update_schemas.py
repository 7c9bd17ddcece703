"""JSON of updates: request bodies, and a page of a list."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictInt

from app.domain.update import Kind
from app.storage.queries.views import UpdateView
from app.usecases.updates.retry_many import MOST
from app.web.v1.fields import WHOLE, In, LongText, Out, Text


class UpdatesOut(Out):
    """A page of updates, the newest first."""

    data: list[UpdateView]
    next_cursor: str | None


class RetryIn(In):
    """How to retry an update."""

    override_cancel_request: bool = Field(
        default=False, strict=True, description="Ship although the buyer requested a cancellation."
    )


class RetryManyIn(RetryIn):
    """A filter of updates to retry. A field that is left out filters nothing."""

    state: Literal["failed", "retrying", "verifying"] = "failed"
    kind: Kind | None = None
    store_id: UUID | None = None
    order_id: UUID | None = None
    code: Text | None = Field(default=None, description="The code of the last error.")
    limit: Annotated[StrictInt, Field(ge=1, le=MOST), WHOLE] = 50


class DismissIn(In):
    """The reason why a person dismisses an update or an event."""

    note: LongText
