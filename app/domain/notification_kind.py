"""Kinds of notifications: what a store may be notified of."""

from enum import StrEnum


class NotificationKind(StrEnum):
    """What a message reports; its `type`. Each store chooses its kinds."""

    ERRORS = "errors"
    """Failed updates, what could not be read or was refused, and what waits for a person."""
    RETURN_RECEIVED = "return_received"
    """A buyer sends something back."""
    CREDENTIALS_REJECTED = "credentials_rejected"
    """Access to Walmart or Commerce stopped. Without this kind it is one of the errors."""
    SHIP_BY_NEAR = "ship_by_near"
    """An order with unshipped units is near its ship-by time."""
    DRIFT = "drift"
    """An order differs from Walmart's, and a person must decide."""


DEFAULT = (NotificationKind.ERRORS,)
"""The kinds of a store that chose none."""
_OTHERS = frozenset(NotificationKind) - {NotificationKind.ERRORS}


def of_occurrence(what: str) -> NotificationKind:
    """The kind of the message that reports an occurrence. what: column of `notifications`."""
    return NotificationKind(what) if what in _OTHERS else NotificationKind.ERRORS
