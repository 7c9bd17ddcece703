"""Why a form is refused, and what to do, in a merchant's words: by the code of the problem.

Every code that shipping, canceling, correcting, retrying, settling and refunding can be refused
with has its words here; a test compares them with the API document. Warnings of a dry run are here
too. The words of updates that failed later are those of `words.py`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from app.domain.errors import Problem
from app.web.page.i18n import deferred
from app.web.page.viewer import CURRENT


class RefusalWords(NamedTuple):
    """What is wrong, and the way out. Both may be shown alone."""

    text: str
    way: str = ""


# Codes of the page alone.
FILLED_IN, UNITS_MOVED, NOTHING_CHANGED = "filled_in", "units_moved", "nothing_changed"
_AGAIN = deferred("Try again in a moment.")
_LOOK = deferred("Look at the order again.")
REFUSALS: Mapping[str, RefusalWords] = {
    # A file of packages
    "row_invalid": RefusalWords(
        deferred("This row cannot be read."),
        deferred("It has too many fields, or characters that cannot be used."),
    ),
    "order_ambiguous": RefusalWords(
        deferred("Several orders of the store have this number."),
        deferred("Give the Walmart order number instead."),
    ),
    "file_invalid": RefusalWords(
        deferred("These rows cannot be read."),
        deferred("The first row names the columns, and each of them is listed here."),
    ),
    "file_too_long": RefusalWords(
        deferred("A file has at most 10,000 rows."), deferred("Send the rest in another file.")
    ),
    # A package
    "required": RefusalWords(deferred("This is needed.")),
    "invalid": RefusalWords(deferred("This cannot be read.")),
    "tracking_number_required": RefusalWords(
        deferred("The tracking number is missing."), deferred("Walmart takes no package without.")
    ),
    "tracking_number_invalid": RefusalWords(
        deferred("This is not a tracking number."),
        deferred("Letters, digits and hyphens, at most 60, and not the number of the order."),
    ),
    "tracking_url_required": RefusalWords(
        deferred("Walmart does not know this carrier, so the buyer needs a tracking page."),
        deferred("Give its address, or choose a carrier that Walmart knows."),
    ),
    "tracking_url_invalid": RefusalWords(
        deferred("This is not the address of a page."), deferred("It begins with https://.")
    ),
    NOTHING_CHANGED: RefusalWords(deferred("Nothing differs from before.")),
    FILLED_IN: RefusalWords(
        deferred("Waybill filled in what was missing."), deferred("Look at it, then ship.")
    ),
    UNITS_MOVED: RefusalWords(
        deferred("Units of a later package were taken from the first."),
        deferred("Look at them, then ship."),
    ),
    "unknown_line": RefusalWords(deferred("The order has no such line."), _LOOK),
    "line_repeated": RefusalWords(deferred("A line is named twice."), _LOOK),
    "invalid_quantity": RefusalWords(
        deferred("This package is empty."), deferred("Give at least one unit, or leave it out.")
    ),
    "quantity_exceeds_remaining": RefusalWords(
        deferred("So many units are not left."),
        deferred("Others are shipped, canceled, or in another package."),
    ),
    "nothing_to_ship": RefusalWords(
        deferred("No unit is left to ship."),
        deferred("All are shipped, canceled, or in another package."),
    ),
    "cancel_requested": RefusalWords(
        deferred("The buyer asked to cancel this."),
        deferred("Cancel the order, leave the line out, or choose to ship it anyway."),
    ),
    "order_canceled": RefusalWords(deferred("The order is canceled."), deferred("Do not ship it.")),
    "cancellation_pending": RefusalWords(
        deferred("The order is being canceled at Walmart."),
        deferred("Wait until Walmart has answered."),
    ),
    "cancellation_unresolved": RefusalWords(
        deferred("An earlier cancellation of this order failed."),
        deferred("Retry it or settle it first."),
    ),
    "reference_reused": RefusalWords(
        deferred("Another package of this order has the same reference."),
        deferred("Give it another one."),
    ),
    "shipped_at_in_future": RefusalWords(
        deferred("This time is still to come."), deferred("Leave it empty for now.")
    ),
    "shipped_at_before_order": RefusalWords(
        deferred("This is before the buyer ordered."), deferred("Leave it empty for now.")
    ),
    "method_code_invalid": RefusalWords(
        deferred("Walmart has no such shipping method."), deferred("Choose one of the list.")
    ),
    "track_not_sent": RefusalWords(
        deferred("Walmart has these units under another number already."),
        deferred("A package cannot be divided afterwards."),
    ),
    "commerce_items_differ": RefusalWords(
        deferred("These items do not make a whole unit."), deferred("Ship the whole product.")
    ),
    # An order
    "fulfilled_by_walmart": RefusalWords(
        deferred("Walmart ships this order itself."), deferred("There is nothing to do.")
    ),
    "order_unreadable": RefusalWords(
        deferred("Waybill cannot read this order at Walmart."), deferred("Read it again later.")
    ),
    "order_in_doubt": RefusalWords(
        deferred("It is not certain yet what Walmart did with an earlier change."),
        deferred("Waybill reads Walmart again by itself. Wait until then."),
    ),
    "order_not_found": RefusalWords(deferred("There is no such order.")),
    "order_not_at_walmart": RefusalWords(
        deferred("Walmart does not know this order."),
        deferred("Check the store's Walmart account."),
    ),
    # A cancellation
    "reason_required": RefusalWords(deferred("Choose a reason.")),
    "reason_invalid": RefusalWords(deferred("Choose one of these reasons.")),
    "partial_cancellation_not_supported": RefusalWords(
        deferred("Only a whole order can be canceled."), deferred("Ship or cancel all of it.")
    ),
    "cancel_not_requested": RefusalWords(
        deferred("The buyer did not ask to cancel."), deferred("Choose your own reason.")
    ),
    "order_already_canceled": RefusalWords(
        deferred("The order is canceled already."), deferred("There is nothing to do.")
    ),
    "order_already_shipped": RefusalWords(
        deferred("Units have left, or are on their way to Walmart."),
        deferred("Only a whole order can be canceled. Refund it once the buyer sends it back."),
    ),
    "shipment_unresolved": RefusalWords(
        deferred("A package of this order failed."),
        deferred("Retry it or settle it first; then the order can be canceled."),
    ),
    "unknown_sku": RefusalWords(deferred("The order has no such item."), _LOOK),
    "sku_repeated": RefusalWords(deferred("An item is named twice."), _LOOK),
    # A correction, a retry, a settlement
    "shipment_not_found": RefusalWords(deferred("The order has no such package."), _LOOK),
    "update_not_found": RefusalWords(deferred("There is no such change any more."), _LOOK),
    "tracking_window_closed": RefusalWords(
        deferred("Walmart takes no correction any more."),
        deferred("It does for 4 hours after it got the package."),
    ),
    "update_in_progress": RefusalWords(deferred("Waybill is sending this right now."), _AGAIN),
    "update_finished": RefusalWords(deferred("This is settled already."), _LOOK),
    # A refund
    "return_not_found": RefusalWords(deferred("There is no such return.")),
    "nothing_to_refund": RefusalWords(
        deferred("Everything of this return is refunded."), deferred("There is nothing to do.")
    ),
    "refund_exceeds_return": RefusalWords(
        deferred("So many units are not left to refund."), deferred("Choose fewer.")
    ),
    "refund_in_doubt": RefusalWords(
        deferred("It is not certain yet whether Walmart made an earlier refund."),
        deferred("Waybill reads Walmart again by itself. Wait until then."),
    ),
    "order_not_shipped": RefusalWords(
        deferred("These units were not shipped."), deferred("Only shipped units can be refunded.")
    ),
    "order_unknown": RefusalWords(
        deferred("Waybill does not have the order of this return yet."),
        deferred("Import it by its number first."),
    ),
    "return_closed": RefusalWords(
        deferred("This return is closed."), deferred("No refund follows it.")
    ),
    "return_unreadable": RefusalWords(
        deferred("Waybill cannot read this return at Walmart."), deferred("Try again later.")
    ),
    # Whatever was sent
    "idempotency_key_reused": RefusalWords(
        deferred("This form was sent before with something else in it."),
        deferred("Look at the order: the first one counts."),
    ),
    "idempotency_key_invalid": RefusalWords(deferred("This form is damaged."), _LOOK),
    "idempotency_in_progress": RefusalWords(deferred("This is being done right now."), _AGAIN),
    "walmart_unavailable": RefusalWords(deferred("Walmart does not answer right now."), _AGAIN),
    "credentials_rejected": RefusalWords(
        deferred("Walmart does not accept the store's keys."),
        deferred("Put new ones into the store's settings."),
    ),
    "secret_unreadable": RefusalWords(
        deferred("Waybill cannot read the store's keys."),
        deferred("Ask the person who runs Waybill."),
    ),
    "order_busy": RefusalWords(deferred("Something else is changing this order."), _AGAIN),
    "database_unavailable": RefusalWords(deferred("Waybill cannot be reached just now."), _AGAIN),
    "request_timeout": RefusalWords(deferred("Waybill took too long to answer."), _LOOK),
    # Warnings
    "tracking_number_of_another_carrier": RefusalWords(
        deferred("This is a number of %(carrier)s."), deferred("Walmart may refuse it.")
    ),
    "tracking_number_repeated": RefusalWords(
        deferred("Another package has this number."), deferred("Each package has its own.")
    ),
    "carrier_sent_as_other": RefusalWords(
        deferred("Walmart does not know this carrier."),
        deferred("It does not count the tracking number as valid."),
    ),
    "commerce_item_passed_over": RefusalWords(
        deferred("A part of the Commerce order belongs to no line here."),
        deferred("Nothing of it is sent."),
    ),
    "reference_repeated": RefusalWords(
        deferred("A package with this reference was sent before."),
        deferred("It is not sent again."),
    ),
}
_LEFT = deferred("Only %(count)s are left.")
_NONE_LEFT = deferred("None is left.")
_CARRIER = deferred("Choose a carrier.")
_OTHER = RefusalWords(deferred("This is not possible."), deferred("Look at it again."))


def refusal(code: str, **params: object) -> RefusalWords:
    """The words of a code, in the person's language."""
    viewer, words = CURRENT.get(), REFUSALS.get(code, _OTHER)
    way = viewer.gettext(words.way) if words.way else ""
    return RefusalWords(viewer.gettext(words.text, **params), way)


def sentence(problem: Problem) -> str:
    """A problem beside its field: what is wrong and what to do, in one line."""
    viewer = CURRENT.get()
    remaining = problem.facts.get("remaining")
    if problem.code == "quantity_exceeds_remaining" and isinstance(remaining, int):
        text = _LEFT if remaining else _NONE_LEFT
        return viewer.gettext(text, count=remaining)
    if problem.code == "required" and problem.pointer.endswith("/carrier_code"):
        return viewer.gettext(_CARRIER)
    found = refusal(problem.code)
    return f"{found.text} {found.way}".strip()
