"""Injected faults: their kind, the calls they apply to, how often and with what probability."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from app.simulator.errors import BadInput

# Kinds of faults: what happens, and whether the request takes effect nevertheless.
KINDS = {
    "refuse": "400 with the given code, field and description; no effect",
    "throttle": "429 with Walmart's headers, for delay seconds; no effect",
    "error": "the given 5xx (500); no effect",
    "error_after": "takes effect, then the given 5xx (500)",
    "timeout": "no answer; no effect",
    "timeout_after": "takes effect; no answer",
    "late": "no answer; takes effect after delay seconds",
    "drop": "the connection is cut in the answer; no effect",
    "drop_after": "takes effect; the connection is cut in the answer",
    "expired_token": "401, or INVALID_TOKEN with status 400; no effect",
    "html": "200 with an HTML page; no effect",
    "html_after": "takes effect; 200 with an HTML page",
    "cut": "takes effect; 200 with half of the JSON",
    "locked": "423; no effect",
    "outage": "400 in the shape Walmart gives in an outage; no effect",
    "slow": "waits delay seconds, then behaves",
    "unshown": "takes effect; 200 with the order as it was before",
    "held": "the given 5xx (500); takes effect once POST /simulator/held lets it",
    "lag": "reads show what was delay seconds, or changes, ago; any other call takes effect",
}
# read is GET of one order; list and released are the two lists; token_detail is a readiness check;
# inventory is PUT and inventory_read is GET of a stock level.
OPERATIONS = (
    "token",
    "token_detail",
    "read",
    "released",
    "list",
    "acknowledge",
    "shipping",
    "cancel",
    "order_refund",
    "inventory",
    "inventory_read",
    "returns",
    "webhooks",
    "refund",
    "commerce_orders",
    "commerce_comments",
    "commerce_stock",
    "*",
)
_TEXTS = ("client_id", "purchase_order_id", "code", "description", "field")
_LONGEST_DELAY = 3600.0


@dataclass(slots=True)
class InjectedFault:
    """An injected fault."""

    id: int
    operation: str
    kind: str
    times: int | None = 1
    """How many calls it applies to. None means forever."""
    client_id: str | None = None
    purchase_order_id: str | None = None
    probability: float = 1.0
    delay: float = 1.0
    """Seconds."""
    status: int | None = None
    """None means the status of the kind."""
    code: str | None = None
    description: str | None = None
    field: str | None = None
    changes: int | None = None
    """A lagging read shows each object before so many of its changes. None: `delay` ago."""

    def applies_to(self, operation: str, client_id: str, purchase_order_id: str | None) -> bool:
        """Whether the fault applies to a call."""
        return (
            self.operation in {"*", operation}
            and self.client_id in {None, client_id}
            and self.purchase_order_id in {None, purchase_order_id}
        )


@dataclass(slots=True)
class Faults:
    """The active faults, oldest first. seed makes probabilities repeatable."""

    seed: int = 0
    _set: dict[int, InjectedFault] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable, not secret

    def add(self, wanted: Mapping[str, Any]) -> InjectedFault:
        """Add a fault. Raises BadInput for an invalid kind, operation, field or value."""
        _check(wanted)
        try:
            fault = InjectedFault(**{"operation": "*", **wanted, "id": next(self._ids)})
        except TypeError as error:
            raise BadInput(str(error)) from error
        self._set[fault.id] = fault
        return fault

    def take(
        self, operation: str, client_id: str, purchase_order_id: str | None
    ) -> InjectedFault | None:
        """Return the fault for a call, and count its use. None means no fault."""
        if not self._set:
            return None
        for fault in list(self._set.values()):
            if not fault.applies_to(operation, client_id, purchase_order_id):
                continue
            if self._random.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self._set[fault.id]
            return fault
        return None

    def listed(self) -> list[dict[str, Any]]:
        """Return the active faults."""
        return [asdict(fault) for fault in self._set.values()]

    def remove(self, identifier: int) -> bool:
        """Remove a fault. False means that there is none with this id."""
        return self._set.pop(identifier, None) is not None

    def clear(self) -> None:
        """Remove all faults."""
        self._set.clear()


def _check(wanted: Mapping[str, Any]) -> None:
    if wanted.get("kind") not in KINDS:
        raise BadInput(f"kind must be one of {', '.join(KINDS)}")
    if wanted.get("operation", "*") not in OPERATIONS:
        raise BadInput(f"operation must be one of {', '.join(OPERATIONS)}")
    times, status, changes = wanted.get("times", 1), wanted.get("status"), wanted.get("changes")
    if times is not None and not _whole(times, 1, 10**9):
        raise BadInput("times is a whole number from 1 on, or null for ever")
    if status is not None and not _whole(status, 400, 599):
        raise BadInput("status is an HTTP status from 400 to 599")
    if changes is not None and not _whole(changes, 1, 10**9):
        raise BadInput("changes is a whole number from 1 on")
    if not _within(wanted.get("probability", 1.0), 1.0):
        raise BadInput("probability is a number from 0 to 1")
    if not _within(wanted.get("delay", 1.0), _LONGEST_DELAY):
        raise BadInput(f"delay is a number of seconds from 0 to {_LONGEST_DELAY:.0f}")
    for name in _TEXTS:
        if not isinstance(wanted.get(name), str | None):
            raise BadInput(f"{name} is a text")


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _within(value: object, most: float) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and 0 <= value <= most
