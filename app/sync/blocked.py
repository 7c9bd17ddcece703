"""Why units of a shipment cannot go, in words: for the update as a whole, and line by line."""

from collections.abc import Sequence

from app.orders import obstacle
from app.orders.obstacle import Blocked
from app.orders.outcome import Failure, LineFailure
from app.sync import verdicts

_REASONS = {
    obstacle.LINE_CANCELED: (
        "Walmart shows the units as canceled.",
        "They cannot be shipped any more: dismiss the update once the rest of it is in order.",
    ),
    obstacle.NO_OPEN_UNITS: (
        "Walmart has fewer open units than this needs: others were shipped or canceled there.",
        "Compare the order in Seller Center, then retry or dismiss the update.",
    ),
    obstacle.CANCEL_REQUESTED: (
        "The buyer asked to cancel the line.",
        "Leave it to be canceled and dismiss the update, or retry with override_cancel_request.",
    ),
}


def failure(blocked: Sequence[Blocked], *, rest: bool) -> Failure:
    """The failure of a shipment of which nothing more can go; rest: Walmart has all else of it."""
    whole = verdicts.OBSTACLES[_main_code(blocked)]
    if not rest and len(blocked) == 1:
        return whole
    return verdicts.with_lines(whole, [_line(each, whole) for each in blocked], rest=rest)


def _main_code(blocked: Sequence[Blocked]) -> str:
    codes = {each.code for each in blocked}
    return codes.pop() if len(codes) == 1 else obstacle.NO_OPEN_UNITS


def _line(each: Blocked, whole: Failure) -> LineFailure:
    message, suggestion = _REASONS[each.code]
    code = verdicts.OBSTACLES[each.code].code if each.code in verdicts.OBSTACLES else whole.code
    return LineFailure(each.line_number, each.units, code, message, suggestion)
