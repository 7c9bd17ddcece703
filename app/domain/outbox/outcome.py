"""The outcome of one delivery: a closed union, matched exhaustively wherever it is read."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.orders.snapshot import OrderSnapshot


@dataclass(frozen=True, slots=True)
class LineFailure:
    """Units of an order line that could not be sent while others could."""

    line_number: str
    units: int
    code: str
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a delivery failed, for a person to read."""

    code: str
    message: str
    origin: str = "walmart"
    """The system at fault: walmart, commerce or waybill."""
    field: str | None = None
    """The field of the request that Walmart names."""
    suggestion: str | None = None
    """What a person can do."""
    retryable: bool = False
    """Sending the same again can help."""
    sent_as: tuple[str, ...] = ()
    """Walmart's own codes, for a support case."""
    lines: tuple[LineFailure, ...] = ()
    """The lines that could not be sent, if others could."""
    params: Mapping[str, object] = dataclasses.field(default_factory=dict)
    """The evidence, as JSON: what was sent, what is expected (docs/errors.md)."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The store makes no calls to an endpoint for a while."""

    endpoint: str
    """`*` means all of Walmart's."""
    reason: str
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Walmart or Commerce accepted the write."""

    snapshot: OrderSnapshot | None
    """The order after it. None means that no answer showed it."""


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """A read showed the update; nothing was sent."""

    snapshot: OrderSnapshot | None
    """None for an update that is not about an order at Walmart."""
    in_doubt: bool = False
    """An earlier try may still take effect, because what the read shows may be another update's."""


@dataclass(frozen=True, slots=True)
class TryLater:
    """The delivery had no effect, and may succeed later."""

    failure: Failure
    reached: bool
    """The system processed the call, so the failure counts towards giving up."""
    wait: timedelta | None = None
    """The next try comes no earlier. None means as the backoff says."""
    pause: Pause | None = None
    """The pause that the answer asks for."""
    snapshot: OrderSnapshot | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """The update may have taken effect: read before anything is sent again."""

    failure: Failure
    sent: bool
    """Bytes of a write left in this delivery, so the quiet period starts again."""
    read: bool = False
    """A read succeeded in this delivery."""
    pause: Pause | None = None
    """The pause that the answer asks for."""
    snapshot: OrderSnapshot | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The update will not take effect as requested; a person must act."""

    failure: Failure
    snapshot: OrderSnapshot | None = None
    """The order, which may show a part of the update."""


@dataclass(frozen=True, slots=True)
class SendAgain:
    """Walmart accepted an overwriting write, and an older value may still arrive.

    The write is confirmed only by another delivery, after that time.
    """

    until: datetime
    """Until when the older value may arrive (the database's time)."""
    snapshot: OrderSnapshot | None = None


@dataclass(frozen=True, slots=True)
class InternalError:
    """An exception of Waybill's own ended the delivery."""

    failure: Failure
    sent: bool
    """A write may have left without an answer."""
    snapshot: OrderSnapshot | None = None
    """The order that was read before."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The delivery was given up before a write; the update keeps its state."""

    why: str = dataclasses.field(default="the poller is stopping")


Outcome = (
    Confirmed | AlreadyThere | TryLater | Unclear | Refused | SendAgain | InternalError | HandedBack
)
