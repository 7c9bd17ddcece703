"""Each code of a status detail has a fix, or stands in the list of those that need none."""

import re
from pathlib import Path

import pytest

from app.domain.orders import fixes
from app.domain.orders.fixes import Fix, FixAction
from app.domain.update import Kind, State

ERRORS = (Path(__file__).parents[3] / "docs" / "errors.md").read_text()
TABLE = ERRORS.split("\n## Codes\n")[1].split("\n## ")[0]
CODES = [
    code
    for line in TABLE.splitlines()
    if line.startswith("| `")
    for code in re.findall(r"`(\w+)`", line.split(" | ")[0])
]
WITHOUT = {
    # Waybill tries again by itself.
    *(f"walmart_{what}" for what in ("unreachable", "unavailable", "throttled", "unclear")),
    *(f"commerce_{what}" for what in ("unreachable", "unavailable", "throttled", "unclear")),
    *("older_value_in_doubt", "refund_in_doubt", "return_unreadable"),
    # A person compares or corrects something elsewhere first.
    *("refused_by_walmart", "tracking_number_required", "tracks_ambiguous", "return_ambiguous"),
    *("unknown_line", "shipment_not_told", "order_not_linked"),
}
EVENTS = set(fixes._OF_EVENT) | {"no_open_return", "invalid_quantity"}


def decided(code: str) -> Fix | None:
    """The fix of a code, wherever a detail has it."""
    return (
        fixes.of_order(code, "store", "1796330120075")
        or fixes.of_store(code)
        or fixes.of_update(code, Kind.SHIPMENT, State.FAILED, {})
        or (fixes.of_event(code) if code in EVENTS else None)
    )


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_a_fix_or_needs_none(code: str) -> None:
    assert (decided(code) is None) == (code in WITHOUT)


def test_an_update_that_is_tried_by_itself_needs_no_fix() -> None:
    for state in (State.PENDING, State.RETRYING, State.VERIFYING, State.SENDING):
        assert fixes.of_update("gave_up", Kind.SHIPMENT, state, {}) is None


def test_a_correction_carries_the_expected_value_in_the_field_that_is_wrong() -> None:
    params = {"change": "carrier_code", "sent": "UPS", "expected": "USPS"}
    found = fixes.of_update("tracking_number_refused", Kind.SHIPMENT, State.FAILED, params)
    assert found == Fix(FixAction.CORRECT_TRACKING, {"carrier_code": "USPS"})


def test_a_correction_without_a_known_value_asks_for_it() -> None:
    found = fixes.of_update("tracking_number_refused", Kind.SHIPMENT, State.FAILED, {})
    assert found == Fix(FixAction.CORRECT_TRACKING, needs=("tracking_number",))


def test_a_failed_correction_is_not_corrected_by_its_fix() -> None:
    """Its window may be over; the page offers what is still possible."""
    assert fixes.of_update("carrier_not_supported", Kind.TRACKING, State.FAILED, {}) is None
