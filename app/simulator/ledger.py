"""Ledger: the effects that were applied and the calls that were received. Tests check against it.

Both lists keep the newest MOST_ENTRIES entries; `dropped` counts the older ones.
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
    """A received call. Times are nanoseconds since 1970."""

    sequence: int
    received_at: int
    operation: str
    client_id: str
    purchase_order_id: str | None
    correlation_id: str
    status: int | None = None
    """The status of the answer. None means no answer, or half of one."""
    fault: str | None = None
    """The kind of the fault that was applied to the call."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A change of units of a line."""

    operation: str
    """One of acknowledge, shipping, cancel, tracking (a correction: it ships nothing), refund,
    shipped_by_hand, cancelled_by_hand, auto_cancelled, refunded_by_walmart, inventory,
    commerce_order, commerce_payment and commerce_comment.
    """
    line: str
    """The line; for inventory the SKU, for commerce_* the number of Commerce's order."""
    quantity: int
    tracking_number: str | None = None
    reason: str | None = None
    reference: str | None = None
    """The number that a correction replaced, the refunded return, the ship node, or the comment."""
    reference_line: int | None = None
    """The line of the refunded return."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An effect, and the call that caused it. Times are ns; applied_monotonic never decreases."""

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
    """The append-only ledger. now and monotonic return nanoseconds."""

    now: Callable[[], int]
    monotonic: Callable[[], int]
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=MOST_ENTRIES))
    calls: deque[ReceivedCall] = field(default_factory=lambda: deque(maxlen=MOST_ENTRIES))
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _call_numbers: Iterator[int] = field(default_factory=itertools.count)

    def record_call(
        self, operation: str, client_id: str, purchase_order_id: str | None, correlation_id: str
    ) -> ReceivedCall:
        """Record a call before it is processed."""
        number = next(self._call_numbers)
        call = ReceivedCall(
            number, self.now(), operation, client_id, purchase_order_id, correlation_id
        )
        self.calls.append(call)
        return call

    def apply(self, call: ReceivedCall, purchase_order_id: str, effects: Iterable[Effect]) -> None:
        """Record the effects of a call."""
        self._write(
            effects, call.received_at, call.client_id, purchase_order_id, call.correlation_id
        )

    def apply_by_hand(
        self, client_id: str, purchase_order_id: str, effects: Iterable[Effect]
    ) -> None:
        """Record what a person did in Seller Center."""
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
        """Drop all entries; sequence numbers continue."""
        self.entries.clear()
        self.calls.clear()


def select(kept: deque[Any], kind: type, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the entries or calls that match a query by fields, and by `after` a sequence number.

    Raises BadInput for an unknown field.
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
