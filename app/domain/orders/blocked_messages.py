"""Messages that say why Walmart's state blocks an update, as a whole and line by line."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.orders import blockers
from app.domain.orders.blockers import BlockedUnits
from app.domain.outbox.outcome import Failure, LineFailure

COMPARE = "Compare the order in Seller Center, then retry or dismiss the update."
EXCESS = Failure(
    code="needs_review",
    message="Walmart shows more units under this tracking number than Waybill knows of.",
    suggestion=COMPARE,
)
ALREADY_SHIPPED = Failure(
    code="order_already_shipped",
    message="Units of the order are shipped at Walmart, so the whole order cannot be canceled. "
    "Nothing was canceled.",
    suggestion="Refund what was shipped, and dismiss this cancellation.",
)
CANCEL_NOT_REQUESTED = Failure(
    code="cancel_not_requested",
    message="The buyer did not ask to cancel, so Walmart takes no customer_request.",
    origin="commerce",
    suggestion="Dismiss it and cancel with the seller's own reason.",
)
LINE_CANCELED = Failure(
    code="line_canceled",
    message="Walmart shows the units as canceled; they cannot be shipped any more.",
    suggestion=COMPARE,
)
NO_OPEN_UNITS = Failure(
    code="needs_review",
    message="Walmart has fewer open units than this shipment needs: others were shipped "
    "or canceled there.",
    suggestion=COMPARE,
)
STATUS_UNKNOWN = Failure(
    code="needs_review",
    message="Walmart shows the units under this tracking number in a status that Waybill does not "
    "know. They are not sent again.",
    suggestion="Compare the order in Seller Center. The update is confirmed once Walmart shows "
    "them shipped; otherwise dismiss it.",
)
CANCEL_REQUESTED = Failure(
    code="cancel_requested",
    message="The buyer asked to cancel before it was shipped, so Walmart takes no shipment.",
    suggestion="Cancel it with customer_request, or retry with override_cancel_request.",
    retryable=True,
)
OBSTACLES = {
    blockers.EXCESS: EXCESS,
    blockers.CANCEL_REQUESTED: CANCEL_REQUESTED,
    blockers.ALREADY_SHIPPED: ALREADY_SHIPPED,
    blockers.CANCEL_NOT_REQUESTED: CANCEL_NOT_REQUESTED,
    blockers.LINE_CANCELED: LINE_CANCELED,
    blockers.NO_OPEN_UNITS: NO_OPEN_UNITS,
    blockers.STATUS_UNKNOWN: STATUS_UNKNOWN,
}
MIXED = NO_OPEN_UNITS.code
"""The code of an update that lines of several codes hold up."""
LINE_CODES = frozenset(each.code for each in OBSTACLES.values())
_REASONS = {
    blockers.LINE_CANCELED: (
        "Walmart shows the units as canceled.",
        "They cannot be shipped. Dismiss the update when its other lines are settled.",
    ),
    blockers.NO_OPEN_UNITS: (
        "Walmart has fewer open units than this needs: others were shipped or canceled there.",
        "Compare the order in Seller Center, then retry or dismiss the update.",
    ),
    blockers.STATUS_UNKNOWN: (
        "Walmart shows the units in a status that Waybill does not know.",
        "Compare the order in Seller Center. They are confirmed once Walmart shows them shipped.",
    ),
    blockers.CANCEL_REQUESTED: (
        "The buyer asked to cancel the line.",
        "To let it be canceled, dismiss the update; to ship, retry with override_cancel_request.",
    ),
}


def failure(blocked: Sequence[BlockedUnits], *, rest: bool) -> Failure:
    """The failure of a shipment without sendable units; rest: Walmart has the other units."""
    whole = OBSTACLES[_main_code(blocked)]
    if not rest and len(blocked) == 1:
        return whole
    return with_lines(whole, [_line(each, whole) for each in blocked], rest=rest)


def _main_code(blocked: Sequence[BlockedUnits]) -> str:
    codes = {each.code for each in blocked}
    return codes.pop() if len(codes) == 1 else blockers.NO_OPEN_UNITS


def _line(each: BlockedUnits, whole: Failure) -> LineFailure:
    message, suggestion = _REASONS[each.code]
    code = OBSTACLES[each.code].code if each.code in OBSTACLES else whole.code
    return LineFailure(each.line_number, each.units, code, message, suggestion)


def with_lines(whole: Failure, lines: Sequence[LineFailure], *, rest: bool) -> Failure:
    """A failure said line by line; rest: all else is at Walmart."""
    named = ", ".join(f"line {each.line_number} ({each.units})" for each in lines)
    message = f"{whole.message} Not done: {named}" + ("; the rest is at Walmart." if rest else ".")
    return replace(whole, message=message, lines=tuple(lines))
