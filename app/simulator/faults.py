"""Faults on demand: what Walmart does wrong next, for whom, how often and how likely."""

from __future__ import annotations

import itertools
import random
from dataclasses import asdict, dataclass, field
from typing import Any

# What happens, and whether the request takes effect all the same.
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
    "expired_token": "401; no effect",
    "html": "200 with an HTML page; no effect",
    "html_after": "takes effect; 200 with an HTML page",
    "cut": "takes effect; 200 with half of the JSON",
    "locked": "423; no effect",
    "outage": "400 in the shape Walmart gives in an outage; no effect",
    "slow": "waits delay seconds, then behaves",
    "unshown": "takes effect; 200 with the order as it was before",
}
OPERATIONS = ("token", "read", "released", "list", "acknowledge", "shipping", "cancel", "*")


class BadFault(Exception):
    """A fault that the simulator does not know; the message says what it does."""


@dataclass(slots=True)
class Fault:
    """One misbehaviour. times None is for ever; delay in seconds."""

    id: int
    operation: str
    kind: str
    times: int | None = 1
    client_id: str | None = None
    purchase_order_id: str | None = None
    probability: float = 1.0
    delay: float = 1.0
    status: int = 500
    code: str | None = None
    description: str | None = None
    field: str | None = None

    def meets(self, operation: str, client_id: str, purchase_order_id: str | None) -> bool:
        """Whether this call is one that it is about."""
        return (
            self.operation in {"*", operation}
            and self.client_id in {None, client_id}
            and self.purchase_order_id in {None, purchase_order_id}
        )


@dataclass(slots=True)
class Faults:
    """The faults that are set. The seed makes probabilities repeatable."""

    seed: int = 0
    _set: dict[int, Fault] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable, not secret

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Set a fault. Raises BadFault for a kind, operation or field that does not exist."""
        if wanted.get("kind") not in KINDS:
            raise BadFault(f"kind must be one of {', '.join(KINDS)}")
        if wanted.get("operation", "*") not in OPERATIONS:
            raise BadFault(f"operation must be one of {', '.join(OPERATIONS)}")
        try:
            fault = Fault(**{"operation": "*", **wanted, "id": next(self._ids)})
        except TypeError as error:
            raise BadFault(str(error)) from error
        self._set[fault.id] = fault
        return fault

    def take(self, operation: str, client_id: str, purchase_order_id: str | None) -> Fault | None:
        """The fault that this call meets, used up once by it."""
        for fault in list(self._set.values()):
            if not fault.meets(operation, client_id, purchase_order_id):
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
        """The faults that are set."""
        return [asdict(fault) for fault in self._set.values()]

    def remove(self, identifier: int) -> bool:
        """Take one away; False when there is none of that id."""
        return self._set.pop(identifier, None) is not None

    def clear(self) -> None:
        """Take all away."""
        self._set.clear()
