"""Updates as JSON."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.domain.update import Kind
from app.storage.queries.views import AttemptView, CallView, StatusDetail, UpdateView
from app.usecases.updates.dismiss import Dismissed
from app.usecases.updates.retry import Retried
from app.usecases.updates.retry_many import MOST, RetriedMany, RetriedOne
from app.web.v1.fields import In, LongText, Out, Text


class StatusDetailOut(Out):
    """Why something did not go as asked: a code to branch on, a sentence to read."""

    code: str
    origin: str = Field(description="Whose fault: walmart, commerce or waybill.")
    operation: str
    update_id: UUID | None
    message: str
    field: str | None
    suggestion: str | None
    retryable: bool = Field(description="Whether sending the same again can help.")
    occurred_at: datetime
    line_number: str | None = Field(
        default=None, description="The line that could not go while others of its update could."
    )
    units: int | None = Field(default=None, description="How many units of that line.")

    @classmethod
    def of(cls, detail: StatusDetail) -> "StatusDetailOut":
        """Show a detail."""
        return cls(**{name: getattr(detail, name) for name in StatusDetail.__slots__})


class UpdateOut(Out):
    """One thing that Walmart must be told, and where it stands."""

    id: UUID
    store_id: UUID
    order_id: UUID | None
    target: str
    subject: str
    kind: str
    state: str
    sequence: int
    attempts_made: int
    next_attempt_at: datetime | None
    needs_reading: bool = Field(description="Walmart is read before anything is sent.")
    in_doubt_until: datetime | None = Field(
        description="A try may still take effect. From this moment on a read shows what became of "
        "it; Waybill makes that read itself. Until then nobody gets what the update holds."
    )
    status_detail: StatusDetailOut | None
    note: str | None
    dismissed_by: str | None
    requested_by: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, view: UpdateView) -> "UpdateOut":
        """Show an update."""
        return cls(**_fields(view))


class CallOut(Out):
    """One HTTP call to Walmart: what was sent (redacted), what came back."""

    operation: str
    method: str
    path: str
    started_at: datetime
    ended_at: datetime
    correlation_id: str
    request: str | None
    status: int | None
    response: str | None
    codes: list[str]
    failure: str | None

    @classmethod
    def of(cls, view: CallView) -> "CallOut":
        """Show a call."""
        fields = {name: getattr(view, name) for name in CallView.__slots__}
        return cls(**{**fields, "codes": list(view.codes)})


class AttemptOut(Out):
    """One try to deliver an update, and what it was judged to mean."""

    id: UUID
    number: int
    poller: str
    started_at: datetime
    ended_at: datetime
    verdict: str
    detail: str | None
    calls: list[CallOut]

    @classmethod
    def of(cls, view: AttemptView) -> "AttemptOut":
        """Show an attempt."""
        fields = {name: getattr(view, name) for name in AttemptView.__slots__}
        return cls(**{**fields, "calls": [CallOut.of(call) for call in view.calls]})


class UpdateWithAttemptsOut(UpdateOut):
    """An update with every try that was made."""

    attempts: list[AttemptOut]

    @classmethod
    def whole(cls, view: UpdateView, attempts: list[AttemptView]) -> "UpdateWithAttemptsOut":
        """Show an update with its tries."""
        return cls(**_fields(view), attempts=[AttemptOut.of(attempt) for attempt in attempts])


class UpdatesOut(Out):
    """A page of updates, the newest first."""

    data: list[UpdateOut]
    next_cursor: str | None


class RetryIn(In):
    """How to try again."""

    override_cancel_request: bool = Field(
        default=False, strict=True, description="Ship although the buyer asked to cancel."
    )


class RetriedOut(Out):
    """What will happen to the update."""

    will: str = Field(description="queued, already_applied, waiting or cannot_help.")
    until: datetime | None
    explanation: str
    update: UpdateOut

    @classmethod
    def of(cls, retried: Retried) -> "RetriedOut":
        """Show the forecast."""
        return cls(
            will=retried.will,
            until=retried.until,
            explanation=retried.explanation,
            update=UpdateOut.of(retried.update),
        )


class RetryManyIn(RetryIn):
    """Which updates to try again; what is left out filters nothing."""

    state: Literal["failed", "retrying", "verifying"] = "failed"
    kind: Kind | None = None
    store_id: UUID | None = None
    order_id: UUID | None = None
    code: Text | None = Field(default=None, description="Of the status detail.")
    limit: Annotated[int, Field(ge=1, le=MOST, strict=True)] = 50


class RetriedOneOut(Out):
    """What will happen to one update."""

    update_id: UUID
    order_id: UUID | None
    will: str = Field(
        description="queued, already_applied, waiting or cannot_help; else the problem's code."
    )
    until: datetime | None
    explanation: str


class RetriedManyOut(Out):
    """A result for each update, and how many of each."""

    data: list[RetriedOneOut]
    totals: dict[str, int]
    more: bool = Field(description="More updates fit than were taken: ask again.")

    @classmethod
    def of(cls, retried: RetriedMany) -> "RetriedManyOut":
        """Show the forecasts."""
        data = [
            RetriedOneOut(**{name: getattr(one, name) for name in RetriedOne.__slots__})
            for one in retried.results
        ]
        return cls(data=data, totals=dict(retried.totals), more=retried.more)


class DismissIn(In):
    """Why a person ends the update."""

    note: LongText


class DismissedOut(Out):
    """The update at rest, and what Walmart shows of it."""

    walmart: str = Field(
        description="shipped, canceled, acknowledged, corrected, refunded, stock_level, partly, "
        "absent, in_doubt or not_read."
    )
    explanation: str
    until: datetime | None = Field(
        description="Where it is in doubt: from when a read may show what became of it."
    )
    update: UpdateOut

    @classmethod
    def of(cls, dismissed: Dismissed) -> "DismissedOut":
        """Show what was found."""
        return cls(
            walmart=dismissed.walmart,
            explanation=dismissed.explanation,
            until=dismissed.until,
            update=UpdateOut.of(dismissed.update),
        )


def _fields(view: UpdateView) -> dict[str, object]:
    fields = {name: getattr(view, name) for name in UpdateView.__slots__}
    del fields["line_details"]
    detail = view.status_detail
    fields["status_detail"] = None if detail is None else StatusDetailOut.of(detail)
    fields["attempts_made"] = fields.pop("attempts")
    return fields
