"""An update, the row of the outbox: its target, its kind and its states.

pending ──claim──▶ sending ──▶ confirmed
                     ├──▶ retrying    not sent, or without effect: sent again after a wait
                     ├──▶ verifying   may have taken effect: Walmart is read before the next send
                     └──▶ failed      needs a person, a retry or a read that shows it confirmed

retrying and verifying are claimed like pending. A person or a superseding update may dismiss an
update that is not being sent. The rules of each change are in `outbox/retry_policy.py` (after a
delivery) and `orders/settlement.py` (after a read).
"""

from enum import StrEnum


class Target(StrEnum):
    """The system that an update is sent to."""

    WALMART = "walmart"
    COMMERCE = "commerce"


class Kind(StrEnum):
    """What an update sends."""

    ACKNOWLEDGEMENT = "acknowledgement"
    SHIPMENT = "shipment"
    TRACKING = "tracking"
    CANCELLATION = "cancellation"
    REFUND = "refund"
    INVENTORY = "inventory"
    COMMERCE_ORDER = "commerce_order"
    COMMERCE_NOTE = "commerce_note"


# The kinds that go to Commerce; all others go to Walmart.
COMMERCE_KINDS = frozenset({Kind.COMMERCE_ORDER, Kind.COMMERCE_NOTE})


class State(StrEnum):
    """The state of an update."""

    PENDING = "pending"
    SENDING = "sending"
    RETRYING = "retrying"
    VERIFYING = "verifying"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    DISMISSED = "dismissed"


# A poller claims updates in these states only.
DUE = frozenset({State.PENDING, State.RETRYING, State.VERIFYING})
# A poller delivers these without a person's help.
OPEN = DUE | {State.SENDING}
# Final states.
AT_REST = frozenset({State.CONFIRMED, State.DISMISSED})
# The units of these stay reserved: Walmart has not confirmed them.
UNRESOLVED = OPEN | {State.FAILED}
