"""What a merchant reads for each code of Walmart's side and of orders: the words of `words.py`."""

from collections.abc import Mapping
from typing import Final

from app.web.page.i18n import deferred
from app.web.page.said import CodeWords, Leads

_COMPARE: Final = deferred("Compare the order in Seller Center, then try again or settle it.")
_WAITS: Final = deferred("Nothing to do. Waybill tries again by itself.")
_BY_ITSELF: Final = deferred("Nothing to do. Waybill checks it and goes on by itself.")
_TRY_NOW: Final = deferred("Try now")
_TRY_AGAIN: Final = deferred("Try again")
_SEND_AS: Final = deferred("Send as %(expected)s")
_SETTINGS: Final = deferred("Open the store's settings")

ORDER_CODES: Final[Mapping[str, CodeWords]] = {
    "method_code_not_supported": CodeWords(
        deferred("Walmart does not take the shipping method of this package."),
        deferred("Send it with another method; what the buyer gets stays the same."),
        deferred("Choose the method…"),
        Leads.FIX,
        exact=deferred("Walmart does not take the shipping method %(sent)s."),
        exact_button=_SEND_AS,
    ),
    "carrier_not_supported": CodeWords(
        deferred("Walmart does not take the carrier of this package."),
        deferred("Choose the carrier that has the package."),
        deferred("Choose the carrier…"),
        Leads.FIX,
        exact=deferred(
            "Walmart does not take the carrier %(sent)s. The package looks like one of "
            "%(expected)s."
        ),
        exact_button=_SEND_AS,
    ),
    "tracking_url_required": CodeWords(
        deferred("Walmart needs a page where the buyer can follow this package."),
        deferred("Give the address of the carrier's tracking page."),
        deferred("Give the tracking page…"),
        Leads.FIX,
        exact=deferred("Walmart needs a tracking page for %(sent)s, or the carrier %(expected)s."),
        exact_button=_SEND_AS,
    ),
    "tracking_number_refused": CodeWords(
        deferred("Walmart does not take the tracking number of this package."),
        deferred("Compare it with the label, then correct the number or the carrier."),
        deferred("Correct the number…"),
        Leads.FIX,
        exact=deferred(
            "%(tracking_number)s is a number of %(expected)s, and it was sent as %(sent)s."
        ),
        exact_button=_SEND_AS,
    ),
    "shipped_at_refused": CodeWords(
        deferred("Walmart does not take the time at which this package left."),
        deferred("Enter the time at which it really left."),
        deferred("Correct the time…"),
        Leads.FIX,
    ),
    "refused_by_walmart": CodeWords(
        deferred("Walmart refused it."),
        deferred("Compare the order in Seller Center, then correct it, try again or settle it."),
        deferred("Open in Seller Center"),
        Leads.SELLER_CENTER,
    ),
    "cancel_requested": CodeWords(
        deferred("The buyer asked to cancel before the package reached Walmart."),
        deferred(
            "If the package has left, ship it anyway. If not, settle it and cancel for the buyer."
        ),
        deferred("Ship anyway…"),
        Leads.FIX,
    ),
    "cancel_not_requested": CodeWords(
        deferred("The buyer did not ask to cancel, so Walmart does not take that reason."),
        deferred("End this cancellation, then cancel with a reason of your own."),
        deferred("End this cancellation…"),
        Leads.FIX,
    ),
    "order_already_shipped": CodeWords(
        deferred("Units left before the cancellation reached Walmart. Nothing was canceled."),
        deferred("End this cancellation. Refund the units when the buyer sends them back."),
        deferred("End this cancellation…"),
        Leads.FIX,
    ),
    "line_canceled": CodeWords(
        deferred("Walmart canceled these units meanwhile."),
        deferred("Call the package back if you can, then end it here."),
        deferred("End this package…"),
        Leads.FIX,
        exact=deferred("Walmart canceled %(units)s of line %(line_number)s meanwhile."),
    ),
    "nothing_to_correct": CodeWords(
        deferred("Walmart has no package to correct."),
        deferred("End this correction, then try the package again."),
        deferred("End this correction…"),
        Leads.FIX,
    ),
    "needs_review": CodeWords(
        deferred("Walmart shows other units than Waybill expects."),
        _COMPARE,
        deferred("Check and send again"),
        Leads.FIX,
    ),
    "order_not_at_walmart": CodeWords(
        deferred("This seller account has no such order at Walmart."),
        deferred("Check that the order belongs to this store, then try again."),
        _TRY_AGAIN,
        Leads.FIX,
    ),
    "gave_up": CodeWords(
        deferred("Waybill tried for a long time and stopped."),
        deferred("Try again. Walmart is read first, so nothing goes out twice."),
        _TRY_AGAIN,
        Leads.FIX,
        exact=deferred("Waybill tried for %(duration)s and stopped."),
    ),
    "waybill_fault": CodeWords(
        deferred("Waybill made a mistake of its own."),
        deferred("Try again. If it fails again, send us the file for a support case."),
        _TRY_AGAIN,
        Leads.FIX,
    ),
    "older_value_in_doubt": CodeWords(
        deferred("Walmart took the newest value. An older one may still arrive."),
        _BY_ITSELF,
        _TRY_NOW,
        Leads.RETRY,
    ),
    "refund_in_doubt": CodeWords(
        deferred("Another refund of the same line may still take effect."),
        _BY_ITSELF,
        _TRY_NOW,
        Leads.RETRY,
    ),
    "order_unreadable": CodeWords(
        deferred("Walmart lists this order, but Waybill cannot read it."),
        deferred("Compare it in Seller Center. Waybill reads it again by itself."),
        deferred("Read the order again"),
        Leads.FIX,
    ),
    "sku_unknown_at_walmart": CodeWords(
        deferred("Walmart does not know the SKU of this stock update."),
        deferred("Compare the SKU in Seller Center, then end the update."),
        deferred("End this stock update…"),
        Leads.FIX,
    ),
    "return_not_at_walmart": CodeWords(
        deferred("Walmart no longer shows this return."),
        deferred("Compare it in Seller Center, then end the refund."),
        deferred("End this refund…"),
        Leads.FIX,
    ),
    "return_changed": CodeWords(
        deferred("The return changed at Walmart, so nothing of this refund was sent."),
        deferred("Compare it in Seller Center, end this refund, then refund the rest."),
        deferred("End this refund…"),
        Leads.FIX,
    ),
    "return_unreadable": CodeWords(
        deferred("Walmart lists this return, but Waybill cannot read it."),
        deferred("Compare it in Seller Center. Waybill reads it again by itself."),
        deferred("Open in Seller Center"),
        Leads.SELLER_CENTER,
    ),
    "credentials_rejected": CodeWords(
        deferred("Walmart does not accept the store's keys. Everything waits and nothing is lost."),
        deferred("Enter new keys. Waybill goes on at once."),
        deferred("Enter new keys…"),
        Leads.STORE,
    ),
    "secret_unreadable": CodeWords(
        deferred(
            "Waybill cannot open the store's stored keys. Everything waits and nothing is lost."
        ),
        deferred("Enter the keys again, or ask who runs Waybill for the encryption key."),
        deferred("Enter new keys…"),
        Leads.STORE,
    ),
    "walmart_access_denied": CodeWords(
        deferred("Walmart does not let the store's keys do this. Calls of this kind wait."),
        deferred("Grant the permission in Walmart's Developer Portal, then try the keys."),
        deferred("Try the keys"),
        Leads.STORE,
    ),
    "ship_by_near": CodeWords(
        deferred("This order must leave soon."),
        deferred("Ship what remains, or cancel."),
        deferred("Ship…"),
        Leads.SHIP,
    ),
    "ship_by_passed": CodeWords(
        deferred("This order should have left. Walmart may count it late or cancel it."),
        deferred("Ship what remains, or cancel."),
        deferred("Ship…"),
        Leads.SHIP,
    ),
    "walmart_unreachable": CodeWords(
        deferred("Walmart does not answer."),
        _WAITS,
        _TRY_NOW,
        Leads.RETRY,
    ),
    "walmart_unavailable": CodeWords(
        deferred("Walmart is out of order at the moment."),
        _WAITS,
        _TRY_NOW,
        Leads.RETRY,
    ),
    "walmart_throttled": CodeWords(
        deferred("Walmart asks Waybill to slow down."),
        _WAITS,
        _TRY_NOW,
        Leads.RETRY,
    ),
    "walmart_unclear": CodeWords(
        deferred("Walmart gave no clear answer. Waybill checks what became of it."),
        _BY_ITSELF,
        _TRY_NOW,
        Leads.RETRY,
    ),
    "notifications_failing": CodeWords(
        deferred("Notifications do not arrive."),
        deferred("Check the address of the messages. Waybill tries again by itself."),
        _SETTINGS,
        Leads.STORE,
    ),
    "notifications_given_up": CodeWords(
        deferred("Some notifications were not sent."),
        deferred("Check the address of the messages."),
        _SETTINGS,
        Leads.STORE,
    ),
}
