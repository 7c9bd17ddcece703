"""The life of an update, the row of the outbox: a table of what may follow what."""

from collections.abc import Mapping
from enum import StrEnum


class Target(StrEnum):
    """The system that must be told."""

    WALMART = "walmart"
    COMMERCE = "commerce"


class Kind(StrEnum):
    """What the other system must be told."""

    ACKNOWLEDGEMENT = "acknowledgement"
    SHIPMENT = "shipment"
    TRACKING = "tracking"
    CANCELLATION = "cancellation"
    REFUND = "refund"
    INVENTORY = "inventory"
    COMMERCE_ORDER = "commerce_order"
    COMMERCE_NOTE = "commerce_note"


# What Commerce is told; all else is Walmart's.
TOLD_COMMERCE = frozenset({Kind.COMMERCE_ORDER, Kind.COMMERCE_NOTE})


class State(StrEnum):
    """Where an update stands."""

    PENDING = "pending"
    SENDING = "sending"
    RETRYING = "retrying"
    VERIFYING = "verifying"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    DISMISSED = "dismissed"


# Waiting for a poller; only these are claimed.
DUE = frozenset({State.PENDING, State.RETRYING, State.VERIFYING})
# Not at rest: the poller will still work on it without anybody's help.
OPEN = DUE | {State.SENDING}
# Over, whatever came of it.
AT_REST = frozenset({State.CONFIRMED, State.DISMISSED})
# Its units stay reserved: Walmart has not said that it has them.
UNRESOLVED = OPEN | {State.FAILED}

ALLOWED: Mapping[State, frozenset[State]] = {
    State.PENDING: frozenset({State.SENDING, State.CONFIRMED, State.FAILED, State.DISMISSED}),
    State.SENDING: frozenset(
        {State.CONFIRMED, State.RETRYING, State.VERIFYING, State.FAILED, State.PENDING}
    ),
    State.RETRYING: frozenset(
        {State.SENDING, State.PENDING, State.CONFIRMED, State.FAILED, State.DISMISSED}
    ),
    State.VERIFYING: frozenset(
        {State.SENDING, State.CONFIRMED, State.FAILED, State.RETRYING, State.DISMISSED}
    ),
    State.FAILED: frozenset({State.PENDING, State.VERIFYING, State.CONFIRMED, State.DISMISSED}),
    State.CONFIRMED: frozenset(),
    State.DISMISSED: frozenset(),
}


def may_follow(state: State, following: State) -> bool:
    """Whether an update in one state may go to another."""
    return following in ALLOWED[state]
