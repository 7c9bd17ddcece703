"""What really happened: effects that were applied, and calls that came in. The judge of tests.

Both lists keep the newest MOST_ENTRIES entries; `dropped` says how many older ones are gone.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from app.simulator.errors import BadInput

MOST_ENTRIES = 200_000
_AFTER = "after"


@dataclass(slots=True)
class ReceivedCall:
    """A call that came in, in nanoseconds since 1970.

    status is what was answered; it stays None where nothing, or half an answer, was given.
    fault is the kind of the fault that the call met.
    """

    sequence: int
    received_at: int
    operation: str
    client_id: str
    purchase_order_id: str | None
    correlation_id: str
    status: int | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that was done to units of a line.

    operation is acknowledge, shipping, cancel, tracking (a correction: it ships nothing), refund,
    shipped_by_hand, cancelled_by_hand, auto_cancelled or refunded_by_walmart; inventory, whose line
    is the SKU; or commerce_order, commerce_payment and commerce_comment, whose line is the number
    of Commerce's order. reference is the number that a correction replaced, the return (with
    reference_line) that was refunded, the ship node, or the text of the comment.
    """

    operation: str
    line: str
    quantity: int
    tracking_number: str | None = None
    reason: str | None = None
    reference: str | None = None
    reference_line: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An effect with when and by what call; times in ns, applied_monotonic never goes back."""

    sequence: int
    received_at: int
    applied_at: int
    applied_monotonic: int
    client_id: str
    purchase_order_id: str
    operation: str
    line: str
    quantity: int
    tracking_number: str | None
    reason: str | None
    correlation_id: str
    reference: str | None
    reference_line: int | None


@dataclass(slots=True)
class Ledger:
    """Append-only. now and monotonic give nanoseconds."""

    now: Callable[[], int]
    monotonic: Callable[[], int]
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=MOST_ENTRIES))
    calls: deque[ReceivedCall] = field(default_factory=lambda: deque(maxlen=MOST_ENTRIES))
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _call_numbers: Iterator[int] = field(default_factory=itertools.count)

    def hear(
        self, operation: str, client_id: str, purchase_order_id: str | None, correlation_id: str
    ) -> ReceivedCall:
        """Write down a call before anything is decided about it."""
        number = next(self._call_numbers)
        call = ReceivedCall(
            number, self.now(), operation, client_id, purchase_order_id, correlation_id
        )
        self.calls.append(call)
        return call

    def apply(self, call: ReceivedCall, purchase_order_id: str, effects: Iterable[Effect]) -> None:
        """Write down what a call has brought about."""
        self._write(
            effects, call.received_at, call.client_id, purchase_order_id, call.correlation_id
        )

    def apply_by_hand(
        self, client_id: str, purchase_order_id: str, effects: Iterable[Effect]
    ) -> None:
        """Write down what a person did in Seller Center."""
        self._write(effects, self.now(), client_id, purchase_order_id, "")

    def _write(
        self,
        effects: Iterable[Effect],
        received_at: int,
        client_id: str,
        purchase_order_id: str,
        correlation_id: str,
    ) -> None:
        for effect in effects:
            entry = Entry(
                sequence=next(self._numbers),
                received_at=received_at,
                applied_at=self.now(),
                applied_monotonic=self.monotonic(),
                client_id=client_id,
                purchase_order_id=purchase_order_id,
                operation=effect.operation,
                line=effect.line,
                quantity=effect.quantity,
                tracking_number=effect.tracking_number,
                reason=effect.reason,
                correlation_id=correlation_id,
                reference=effect.reference,
                reference_line=effect.reference_line,
            )
            self.entries.append(entry)

    def clear(self) -> None:
        """Forget all; sequence numbers go on."""
        self.entries.clear()
        self.calls.clear()


def select(kept: deque[Any], kind: type, query: Mapping[str, str]) -> dict[str, Any]:
    """Entries or calls that match a query by their fields, and those after a sequence number.

    Raises BadInput for a name that they do not have.
    """
    names = [known.name for known in fields(kind)]
    unknown = set(query) - {*names, _AFTER}
    if unknown:
        raise BadInput(f"{', '.join(sorted(unknown))}: filter by {', '.join([*names, _AFTER])}")
    after = _number(query.get(_AFTER, "-1"))
    wanted = [(name, value) for name, value in query.items() if name != _AFTER]
    found = [
        {name: getattr(entry, name) for name in names}
        for entry in kept
        if entry.sequence > after
        and all(str(getattr(entry, name)) == value for name, value in wanted)
    ]
    dropped = kept[0].sequence if len(kept) == kept.maxlen else 0
    return {"found": found, "dropped": dropped}


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"{_AFTER} is a sequence number") from None
