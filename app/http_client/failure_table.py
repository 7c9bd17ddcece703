"""Errors of calls to other systems, and what follows from each: the one table of failures.

| class | effect at the other system | reached it | stops |
|---|---|---|---|
| NOT_SENT | none | no | nothing |
| THROTTLED | none | no | the lane, for as long as the answer says |
| UNAVAILABLE | none | yes | nothing |
| CREDENTIALS_REJECTED | none | no | the store's calls |
| MISCONFIGURED | none | no | the lane |
| UNCLEAR | possible: read before another write | yes | nothing |
| NOT_FOUND, REFUSED | none, and repeating the call does not help | yes | nothing |

The class is decided once, where the answer arrives, and kept in `Call.error_class`. Each system has
its own rules for that: `app/walmart/errors.py` and `app/commerce/errors.py`. Their exceptions are
two families, WalmartError and CommerceError. Both are CallErrors, so that code which reports on
calls takes either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from app.http_client.call import ApiError, Call, ErrorClass

# Never retry a 429 in under a second.
_SHORTEST_PAUSE = timedelta(seconds=1)


class WriteEffect(Enum):
    """What a failed write did at the other system."""

    NONE = auto()
    """Nothing; the same write may work later."""
    POSSIBLE = auto()
    """Unknown: read before anything is sent again."""
    REFUSED = auto()
    """Nothing, and the same write will be refused again."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """A row of the table."""

    effect: WriteEffect
    reached: bool
    """The system processed the call; such failures count towards giving up."""
    pauses: bool = False
    """Every other call of the lane or the store would fail too, so they pause."""


CONSEQUENCES: Mapping[ErrorClass, Consequence] = {
    ErrorClass.NOT_SENT: Consequence(WriteEffect.NONE, reached=False),
    ErrorClass.THROTTLED: Consequence(WriteEffect.NONE, reached=False, pauses=True),
    ErrorClass.UNAVAILABLE: Consequence(WriteEffect.NONE, reached=True),
    ErrorClass.CREDENTIALS_REJECTED: Consequence(WriteEffect.NONE, reached=False, pauses=True),
    ErrorClass.MISCONFIGURED: Consequence(WriteEffect.NONE, reached=False, pauses=True),
    ErrorClass.UNCLEAR: Consequence(WriteEffect.POSSIBLE, reached=True),
    ErrorClass.NOT_FOUND: Consequence(WriteEffect.REFUSED, reached=True),
    ErrorClass.REFUSED: Consequence(WriteEffect.REFUSED, reached=True),
}


class CallError(Exception):
    """A call failed."""

    error_class: ErrorClass
    """May be stricter than the call's: an answer of status 200 can lack what was asked for."""
    call: Call | None
    """The evidence. None means that no try was made."""

    def __init__(self, message: str, *, call: Call | None = None) -> None:
        self.call = call
        super().__init__(message)

    @property
    def consequence(self) -> Consequence:
        """What follows from the error."""
        return CONSEQUENCES[self.error_class]

    @property
    def refused(self) -> bool:
        """Whether the system rejects the call, and would reject it again."""
        return self.consequence.effect is WriteEffect.REFUSED

    @property
    def codes(self) -> tuple[str, ...]:
        """The system's own codes."""
        return self.call.codes if self.call else ()

    @property
    def field(self) -> str | None:
        """The field that the answer names."""
        return self._fault.field

    @property
    def description(self) -> str | None:
        """The sentence of the answer, which may name the buyer."""
        return self._fault.description

    @property
    def retry_after(self) -> timedelta | None:
        """Time until a call is accepted again, 1 s to 5 min. None: the answer named none."""
        wait = self.call.replenish_in if self.call else None
        return None if wait is None else max(wait, _SHORTEST_PAUSE)

    @property
    def _fault(self) -> ApiError:
        faults = self.call.faults if self.call else ()
        return next((fault for fault in faults if fault.field), next(iter(faults), ApiError()))
