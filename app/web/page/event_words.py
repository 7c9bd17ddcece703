"""What a merchant reads for each event of a timeline (docs/timeline.md)."""

from collections.abc import Mapping
from typing import Final

from app.web.page.i18n import deferred
from app.web.page.said import EventWords

EVENTS: Final[Mapping[str, EventWords]] = {
    "order_registered": EventWords("box", "", deferred("Waybill has the order")),
    "order_imported": EventWords("download", "", deferred("Imported from Walmart")),
    "order_not_read": EventWords(
        "warning",
        "warn",
        deferred("Walmart has news, and it cannot be read right now"),
        deferred("%(message)s"),
    ),
    "order_linked": EventWords(
        "open",
        "",
        deferred("Linked to its Commerce order"),
        deferred("Commerce order %(commerce_order_number)s"),
    ),
    "order_refreshed": EventWords("retry", "", deferred("Read and compared with Walmart")),
    "walmart_accepted": EventWords("check", "", deferred("What Walmart shows was accepted")),
    "drift_found": EventWords("warning", "warn", deferred("Walmart shows something else")),
    "doubt_ended": EventWords("check", "good", deferred("Walmart's answer is clear now")),
    "ship_by_near": EventWords("clock", "warn", deferred("Units must leave soon")),
    "cancel_requested": EventWords("canceled", "warn", deferred("The buyer asks to cancel")),
    "reservation_trimmed": EventWords(
        "warning", "warn", deferred("Walmart leaves no room for some units")
    ),
    "stock_not_known": EventWords(
        "info", "", deferred("No stock level was known to send after the cancellation")
    ),
    "tracking_corrected": EventWords("pen", "", deferred("The package was corrected")),
    "track_removed": EventWords(
        "trash",
        "",
        deferred("Commerce removed a tracking number; Walmart keeps it"),
        deferred("%(tracking_number)s"),
    ),
    "update_retried": EventWords("retry", "", deferred("Tried again")),
    "update_dismissed": EventWords(
        "check", "", deferred("Settled by a person"), deferred("%(note)s")
    ),
    "attempt": EventWords("send", "", deferred("Try %(attempt)s")),
    "return_requested": EventWords(
        "return", "", deferred("The buyer sends units back"), deferred("Return %(rma_number)s")
    ),
    "return_refunded": EventWords(
        "check", "good", deferred("The return is refunded"), deferred("Return %(rma_number)s")
    ),
    "return_canceled": EventWords(
        "canceled", "", deferred("The return is canceled"), deferred("Return %(rma_number)s")
    ),
    "commerce_comment": EventWords(
        "pen", "", deferred("Comment in Commerce"), deferred("%(comment)s")
    ),
    "commerce_event_refused": EventWords(
        "warning",
        "bad",
        deferred("A change in Commerce could not go on to Walmart"),
        deferred("%(message)s"),
    ),
    "commerce_event_dismissed": EventWords(
        "check", "", deferred("A change in Commerce was settled by a person"), deferred("%(note)s")
    ),
    "commerce_items_passed_over": EventWords(
        "info", "", deferred("Items of Commerce belong to no line, so nothing of them is sent")
    ),
    "text_erased": EventWords(
        "trash", "", deferred("Comments, notes and answers up to here were erased")
    ),
    "acknowledgement_accepted": EventWords(
        "check", "", deferred("The order will be confirmed to Walmart")
    ),
    "acknowledgement_confirmed": EventWords(
        "check", "good", deferred("Walmart knows that you have the order")
    ),
    "acknowledgement_failed": EventWords(
        "close", "bad", deferred("Walmart did not take the confirmation of the order")
    ),
    "acknowledgement_dismissed": EventWords(
        "check", "", deferred("Confirmation of the order settled")
    ),
    "shipment_accepted": EventWords("truck", "", deferred("Package %(number)s accepted")),
    "shipment_confirmed": EventWords("check", "good", deferred("Walmart has package %(number)s")),
    "shipment_failed": EventWords("close", "bad", deferred("Package %(number)s failed")),
    "shipment_dismissed": EventWords("check", "", deferred("Package %(number)s settled")),
    "tracking_accepted": EventWords("pen", "", deferred("Correction of the tracking accepted")),
    "tracking_confirmed": EventWords(
        "check", "good", deferred("Walmart has the corrected tracking")
    ),
    "tracking_failed": EventWords(
        "close", "bad", deferred("The correction of the tracking failed")
    ),
    "tracking_dismissed": EventWords("check", "", deferred("Correction of the tracking settled")),
    "cancellation_accepted": EventWords("canceled", "", deferred("Cancellation accepted")),
    "cancellation_confirmed": EventWords("check", "good", deferred("Walmart canceled the order")),
    "cancellation_failed": EventWords("close", "bad", deferred("The cancellation failed")),
    "cancellation_dismissed": EventWords("check", "", deferred("Cancellation settled")),
    "refund_accepted": EventWords("return", "", deferred("Refund accepted")),
    "refund_confirmed": EventWords("check", "good", deferred("Walmart refunded the buyer")),
    "refund_failed": EventWords("close", "bad", deferred("The refund failed")),
    "refund_dismissed": EventWords("check", "", deferred("Refund settled")),
    "inventory_accepted": EventWords("box", "", deferred("Stock level accepted")),
    "inventory_confirmed": EventWords("check", "good", deferred("Walmart has the stock level")),
    "inventory_failed": EventWords("close", "bad", deferred("The stock level failed")),
    "inventory_dismissed": EventWords("check", "", deferred("Stock level settled")),
    "commerce_order_accepted": EventWords(
        "open", "", deferred("The order will be made in Commerce")
    ),
    "commerce_order_confirmed": EventWords("check", "good", deferred("Commerce has the order")),
    "commerce_order_failed": EventWords(
        "close", "bad", deferred("Commerce did not take the order")
    ),
    "commerce_order_dismissed": EventWords("check", "", deferred("Order in Commerce settled")),
    "commerce_note_accepted": EventWords("pen", "", deferred("A note for Commerce is on its way")),
    "commerce_note_confirmed": EventWords("check", "good", deferred("Commerce has the note")),
    "commerce_note_failed": EventWords("close", "bad", deferred("Commerce did not take the note")),
    "commerce_note_dismissed": EventWords("check", "", deferred("Note for Commerce settled")),
}
