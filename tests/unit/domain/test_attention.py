"""Causes: stable ids, one kind each, and a fix that exists."""

from dataclasses import fields, replace

import pytest

from app.domain import attention, ids
from app.domain.attention import (
    ELSEWHERE,
    AttentionCause,
    AttentionKind,
    AttentionSource,
    GroupAction,
)

CAUSE = AttentionCause(3, AttentionSource.UPDATE, "shipment", "carrier_not_supported", "Acme")


def test_a_cause_has_one_id_with_its_store_and_every_part_makes_another() -> None:
    others = [
        replace(CAUSE, store_id=4),
        replace(CAUSE, source="other"),
        replace(CAUSE, operation="other"),
        replace(CAUSE, code="other"),
        replace(CAUSE, value="other"),
        replace(CAUSE, expected="other"),
    ]
    assert CAUSE.id == replace(CAUSE).id
    assert ids.store_of(CAUSE.id) == 3
    assert len({CAUSE.id, *(other.id for other in others)}) == len(fields(CAUSE)) + 1


@pytest.mark.parametrize(
    ("source", "code", "kind", "fix"),
    [
        ("update", "carrier_not_supported", "not_delivered", "set_tracking_url"),
        ("update", "gave_up", "not_delivered", "retry"),
        ("update", "tracking_number_refused", "not_delivered", None),
        ("update", "cancel_requested", "decision", None),
        ("update", "line_canceled", "decision", "dismiss"),
        ("commerce_event", "reason_required", "not_delivered", "set_cancellation_reason"),
        ("commerce_event", "no_open_return", "not_delivered", "retry"),
        ("commerce_event", "track_not_sent", "decision", "dismiss"),
        ("lane", "credentials_rejected", "stops_store", "change_credentials"),
        ("ship_by", "ship_by_passed", "costs_money", "ship"),
        ("return", "return_refund_near", "costs_money", "refund"),
        ("unread_order", "order_not_read", "costs_money", "import"),
        ("unreadable_return", "return_unreadable", "not_delivered", None),
        ("cancel_request", "cancel_requested", "decision", "cancel"),
        ("drift", "missing_at_walmart", "decision", "accept_walmart"),
        ("drift", "order_unreadable", "decision", None),
    ],
)
def test_a_cause_has_a_kind_and_what_fixes_it(
    source: str, code: str, kind: str, fix: str | None
) -> None:
    cause = AttentionCause(1, source, "", code, "")
    assert (cause.kind, cause.fix) == (AttentionKind(kind), fix and GroupAction(fix))


def test_what_is_known_to_be_right_is_sent() -> None:
    assert replace(CAUSE, expected="UPS").fix is GroupAction.CORRECT


def test_a_correction_of_a_tracking_number_is_only_retried() -> None:
    assert replace(CAUSE, operation="tracking").fix is GroupAction.RETRY


def test_a_fix_that_is_made_elsewhere_needs_nothing_here() -> None:
    assert not ELSEWHERE & attention.NEEDS.keys()
