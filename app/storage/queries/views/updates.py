"""An update of the outbox, its status details, and its attempts."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from app.domain.orders.fixes import Fix, FixAction
from app.storage.queries.views.base import View


@dataclass(frozen=True, slots=True)
class FixView(View):
    """The action that most likely settles a status detail; `links.fix` is where it is applied."""

    action: Annotated[str, Field(json_schema_extra={"enum": [*map(str, FixAction)]})]
    changes: dict[str, Any]
    """Fields of the request, with their values."""
    needs: tuple[str, ...]
    """Further fields that a person must give. Empty: the fix can be applied as it is."""

    @classmethod
    def of(cls, fix: Fix | None) -> Self | None:
        """The view of a fix, if there is one."""
        return None if fix is None else cls(str(fix.action), dict(fix.changes), fix.needs)


@dataclass(frozen=True, slots=True)
class StatusDetail(View):
    """Why a part of a request did not succeed: a stable code and a message for people."""

    code: str
    origin: str
    """Where the cause is: walmart, commerce or waybill."""
    operation: str
    update_id: UUID | None
    message: str
    field: str | None
    suggestion: str | None
    retryable: bool
    """Whether the same request can succeed later."""
    occurred_at: datetime
    line_number: str | None = None
    """The line with units that could not be sent while other lines of the update could."""
    units: int | None = None
    """How many units of that line could not be sent."""
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    """The values that a translation of the message needs, such as `sent` and `expected`."""
    fix: FixView | None = None
    """null means that nothing is to be done, or that a person must compare first."""
    links: dict[str, str] = dataclasses.field(default_factory=dict)
    """Addresses of the API: `fix` takes the request of the fix; also `update`, `order`, `store`,
    `event`."""


@dataclass(frozen=True, slots=True)
class UpdateView(View):
    """A change that Waybill owes Walmart or Commerce, and its state."""

    id: UUID
    store_id: UUID
    order_id: UUID | None
    target: str
    subject: str
    kind: str
    corrects: Annotated[UUID | None, Field(exclude=True)]
    """The update of the shipment that a tracking update corrects."""
    state: str
    sequence: int
    attempts_made: int
    next_attempt_at: datetime | None
    # pydantic finds no docstrings of inherited fields, so these two describe themselves.
    needs_reading: Annotated[bool, Field(description="Walmart is read before anything is sent.")]
    in_doubt_until: Annotated[
        datetime | None,
        Field(
            description="An attempt may still take effect at Walmart. From this time on a read "
            "shows whether it did; Waybill makes that read itself. Until then the units of the "
            "update stay reserved."
        ),
    ]
    status_detail: StatusDetail | None
    line_details: Annotated[tuple[StatusDetail, ...], Field(exclude=True)]
    """One detail for each line that could not be sent. Its order shows them."""
    note: str | None
    dismissed_by: str | None
    requested_by: str | None
    request_id: Annotated[
        str | None,
        Field(
            description="`X-Request-ID` of the request that asked for it. null: Waybill did so "
            "by itself, or a version that did not keep it."
        ),
    ]
    traceparent: Annotated[
        str | None,
        Field(description="`traceparent` of that request (W3C Trace Context), if it had one."),
    ]
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineUnitsView(View):
    """Units of one line of an order."""

    line_number: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CallView(View):
    """One HTTP call: the redacted request and the response."""

    operation: str
    method: str
    path: str
    started_at: datetime
    ended_at: datetime
    correlation_id: str
    request: str | None
    status: int | None
    response: str | None
    codes: tuple[str, ...]
    failure: str | None


@dataclass(frozen=True, slots=True)
class AttemptView(View):
    """One attempt to deliver an update: its calls, and the verdict on them."""

    id: UUID
    number: int
    poller: str
    started_at: datetime
    ended_at: datetime
    verdict: str
    detail: str | None
    calls: tuple[CallView, ...]
    request_id: str | None
    """`X-Request-ID` of the request that asked for the update."""
    traceparent: str | None
    """Of the delivery where it was traced, else of that request (W3C Trace Context)."""


@dataclass(frozen=True, slots=True)
class UpdateWithAttemptsView(UpdateView):
    """An update with all of its attempts, oldest first."""

    attempts: tuple[AttemptView, ...]
