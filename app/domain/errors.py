"""Errors of a request, grouped by what the caller can do about them.

OrderError
├── Invalid      the content is wrong: correct it and send it again
├── Conflict     the content is valid, but the order's state does not allow it (now)
├── Unknown      the resource does not exist, or the key may not see it
├── Forbidden    the key may see the resource, but lacks the scope
└── NotAvailable a system that the answer needs cannot be reached: send it again later
    ├── Busy     another transaction holds a row: Waybill retries by itself for a while
    └── Stale    the database session is unusable: Waybill retries once

`app/web/problems.py` maps each class to its HTTP status.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of a request."""

    code: str
    message: str
    pointer: str = ""
    """JSON pointer (RFC 6901) of the field that is wrong; empty means the whole request.

    A parameter of the query or the header is a slash and its name.
    """
    conflict: bool = False
    """The order's state causes the error, not the content of the request."""
    facts: dict[str, object] = field(default_factory=dict)
    """Extra members of the problem document (RFC 9457)."""
    in_doubt: bool = False
    """A write in doubt causes the error, so a read of Walmart may remove it."""


class OrderError(Exception):
    """Waybill does not accept a request. Nothing was written, except as NotAvailable says."""

    def __init__(self, code: str, message: str, problems: Sequence[Problem] = ()) -> None:
        self.code = code
        self.problems = tuple(problems)
        super().__init__(message)


class Invalid(OrderError):
    """The content of the request is wrong, whatever the state of the order."""


class Conflict(OrderError):
    """The state of the order, or of an earlier update, does not allow the request."""


class Unknown(OrderError):
    """The resource does not exist, or the key may not see it."""

    def __init__(self, noun: str, identifier: object) -> None:
        super().__init__(
            f"{noun.replace(' ', '_')}_not_found", f"No {noun} {identifier} was found."
        )


class Forbidden(OrderError):
    """The key lacks the scope that the request needs."""


class NotAvailable(OrderError):
    """A system that the answer needs cannot be reached now.

    Nothing was written, unless the database's answer to a commit was lost.
    """

    def __init__(self, code: str, message: str, retry_after: int = 5, *, cause: str = "") -> None:
        self.retry_after = retry_after
        self.cause = cause or message
        """Why, for the log: it may name hosts, and no caller gets it."""
        super().__init__(code, message)

    def once_more(self) -> "NotAvailable":
        """The same error for another request that met it."""
        return type(self)(self.code, str(self), self.retry_after, cause=self.cause)


class Busy(NotAvailable):
    """Another transaction holds a row that the request needs. Nothing was written."""

    def __init__(self, code: str, message: str, retry_after: int = 2, *, cause: str = "") -> None:
        super().__init__(code, message, retry_after, cause=cause)


class Stale(NotAvailable):
    """The database session is read-only, or its prepared statements are outdated.

    Nothing was written. The pool discards this session and all older ones.
    """


def refuse(problems: Sequence[Problem]) -> None:
    """Raise Invalid or Conflict with all problems attached; return if there are none.

    Problems of the content come before conflicts: the caller corrects first and waits after.
    """
    if not problems:
        return
    ordered = sorted(problems, key=lambda problem: problem.conflict)
    kind = Conflict if ordered[0].conflict else Invalid
    raise kind(ordered[0].code, ordered[0].message, ordered)
