"""What one delivery came to: a closed union, matched exhaustively wherever it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.orders.snapshot import OrderSnapshot


@dataclass(frozen=True, slots=True)
class LineFailure:
    """Units of an order line that could not go while others could: why, and what to do."""

    line_number: str
    units: int
    code: str
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a delivery did not end well, for a person to read.

    origin: the system at fault, walmart, commerce or waybill. retryable: whether sending the
    same again can help. sent_as: Walmart's own codes, kept for a support case. lines: where some
    lines went and others could not, those that could not.
    """

    code: str
    message: str
    origin: str = "walmart"
    field: str | None = None
    suggestion: str | None = None
    retryable: bool = False
    sent_as: tuple[str, ...] = ()
    lines: tuple[LineFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing of this store goes to this endpoint ("*" is all of them) for a while."""

    endpoint: str
    reason: str
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Walmart took it and said so. The snapshot is None only where Walmart shows no order."""

    snapshot: OrderSnapshot | None


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """Walmart had it already; nothing was sent. Of a refund there is no snapshot.

    in_doubt: an earlier try may still take effect, for what is there may be another update's.
    """

    snapshot: OrderSnapshot | None
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class TryLater:
    """It had no effect and may work later.

    reached: the try got to Walmart (it counts towards giving up). absent: a read or Walmart's
    answer showed that no unit of it is there. paused: a lane is paused because of it.
    """

    failure: Failure
    reached: bool
    wait: timedelta | None = None
    pause: Pause | None = None
    snapshot: OrderSnapshot | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may have had an effect: read Walmart before anything is sent again.

    sent: bytes of a write left in this delivery, so the quiet period begins anew.
    read: Walmart was read successfully in this delivery.
    """

    failure: Failure
    sent: bool
    read: bool = False
    pause: Pause | None = None
    snapshot: OrderSnapshot | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It will not happen as asked; a person must look. The snapshot shows what did happen."""

    failure: Failure
    snapshot: OrderSnapshot | None = None


@dataclass(frozen=True, slots=True)
class SendAgain:
    """Walmart took an overwriting write, and an older value may still arrive until a moment.

    It is sent, or looked at, once more then (the database's time); only then is it confirmed.
    """

    until: datetime
    snapshot: OrderSnapshot | None = None


@dataclass(frozen=True, slots=True)
class InternalError:
    """An exception of our own ended the delivery.

    sent: a write may have left without an answer. snapshot: what was read before.
    """

    failure: Failure
    sent: bool
    snapshot: OrderSnapshot | None = None


@dataclass(frozen=True, slots=True)
class HandedBack:
    """Nothing was sent: the poller stops, or too little of the lease was left."""

    why: str = field(default="the poller is stopping")


Outcome = (
    Confirmed | AlreadyThere | TryLater | Unclear | Refused | SendAgain | InternalError | HandedBack
)
Facts = Mapping[str, object]
