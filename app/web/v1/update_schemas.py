"""JSON of updates: request bodies, and a page of a list."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from app.domain.update import Kind
from app.storage.queries.views import LineUnitsView, UpdateView
from app.usecases.updates.retry import Retried
from app.usecases.updates.retry_many import MOST
from app.web import dry_runs
from app.web.dry_runs import Rehearsed
from app.web.problem_documents import ErrorItem
from app.web.v1.fields import WHOLE, In, LongText, Out, Plain, Text, Time
from app.web.v1.job_schemas import Ids, check_selected


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
    """The updates to retry: named ones, those of named orders, or those that a filter finds.

    A field that is left out filters nothing.
    """

    update_ids: Ids | None = None
    order_ids: Ids | None = Field(
        default=None, description="Orders with failed or retrying updates, all of which are meant."
    )

    state: Literal["failed", "retrying", "verifying"] = "failed"
    kind: Kind | None = None
    store_id: UUID | None = None
    order_id: UUID | None = None
    code: Text | None = Field(default=None, description="The code of the last error.")
    limit: Annotated[StrictInt, Field(ge=1, le=MOST), WHOLE] = 50

    @property
    def named(self) -> bool:
        """Whether updates or orders are named."""
        return self.update_ids is not None or self.order_ids is not None

    @model_validator(mode="after")
    def _one_selection(self) -> Self:
        if not self.named:
            return self
        check_selected(self.update_ids, self.order_ids)
        if self.model_fields_set - {"update_ids", "order_ids", "override_cancel_request"}:
            message = "Named updates and orders take no filter."
            raise PydanticCustomError("selection", message, {"code": "invalid"})
        return self


class FixChangesIn(In):
    """The fields of a fix: those of its `changes`, and those that it `needs`."""

    carrier_code: Text | None = None
    carrier_title: Text | None = None
    tracking_number: Annotated[Plain, Field(max_length=200, strict=True)] | None = None
    tracking_url: LongText | None = None
    method_code: Text | None = None
    shipped_at: Time | None = None
    override_cancel_request: bool = Field(default=False, strict=True)
    note: LongText | None = None


class FixIn(In):
    """The fix of an update, as its status detail shows it."""

    action: Literal["correct_tracking", "set_tracking_url", "retry", "dismiss"]
    changes: FixChangesIn = FixChangesIn()


class DismissIn(In):
    """The reason why a person dismisses an update or an event."""

    note: LongText


class RetryPreviewOut(Out):
    """What the retry of an update would do, and the problems that prevent it."""

    would_be_accepted: bool
    will: str | None = Field(
        description="queued, already_applied, waiting or cannot_help; null: a problem prevents it."
    )
    until: datetime | None
    explanation: str | None
    units: list[LineUnitsView]
    why: str | None = Field(description="As in the answer of a retry.")
    problems: list[ErrorItem]

    @classmethod
    def of(cls, found: Rehearsed[Retried]) -> "RetryPreviewOut":
        """Convert the result of a dry run."""
        retried = found.result
        return cls(
            would_be_accepted=retried is not None,
            will=retried.will if retried else None,
            until=retried.until if retried else None,
            explanation=retried.explanation if retried else None,
            units=list(retried.units) if retried else [],
            why=retried.why if retried else None,
            problems=dry_runs.items(found.problems),
        )
