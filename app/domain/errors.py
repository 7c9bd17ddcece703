"""What can be wrong with a request, grouped by what the caller can do about it.

OrderError
├── Invalid      the content is wrong: correct it and send it again
├── Conflict     the content is fine, the order's state does not allow it (now)
├── Unknown      there is no such thing, or the key may not see it
├── Forbidden    the key may see it, but not do this
└── NotAvailable a system needed for the answer cannot be reached: send it again later
    ├── Busy     a row is held by another transaction: Waybill tries again by itself for a while
    └── Stale    the database session was of no use any more: Waybill tries again once

No HTTP status lives here: `app/web/problems.py` gives each class its status.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, with the JSON pointer (RFC 6901) of the field it is about.

    in_doubt: what is in the way may still take effect or not, and may be over when that is read.
    """

    code: str
    message: str
    pointer: str = ""
    conflict: bool = False
    facts: dict[str, object] = field(default_factory=dict)
    in_doubt: bool = False


class OrderError(Exception):
    """A request that Waybill does not accept; nothing was written (but see NotAvailable)."""

    def __init__(self, code: str, message: str, problems: Sequence[Problem] = ()) -> None:
        self.code = code
        self.problems = tuple(problems)
        super().__init__(message)


class Invalid(OrderError):
    """The content is wrong, whatever the state of the order."""


class Conflict(OrderError):
    """The state of the order, or of what was sent before, does not allow it."""


class Unknown(OrderError):
    """No such thing, as far as this key may see."""

    def __init__(self, what: str, identifier: object) -> None:
        super().__init__(
            f"{what.replace(' ', '_')}_not_found", f"No {what} {identifier} was found."
        )


class Forbidden(OrderError):
    """The key lacks the scope for this."""


class NotAvailable(OrderError):
    """Something needed for the answer cannot be reached now.

    Nothing was written, unless it was the database's answer to the write that was lost.
    """

    def __init__(self, code: str, message: str, retry_after: int = 5) -> None:
        self.retry_after = retry_after
        super().__init__(code, message)


class Busy(NotAvailable):
    """Another transaction holds a row that is needed. Nothing was written."""

    def __init__(self, code: str, message: str, retry_after: int = 2) -> None:
        super().__init__(code, message, retry_after)


class Stale(NotAvailable):
    """The session had become read-only, or its statements outdated. Nothing was written.

    Sessions as old as that one are used no more.
    """


def refuse(problems: Sequence[Problem]) -> None:
    """Raise for the first problem, all of them attached; return where there is none.

    Wrong content is told before a state that forbids it: correcting comes before waiting.
    """
    if not problems:
        return
    content = [problem for problem in problems if not problem.conflict]
    ordered = [*content, *(problem for problem in problems if problem.conflict)]
    kind = Invalid if content else Conflict
    raise kind(ordered[0].code, ordered[0].message, ordered)
