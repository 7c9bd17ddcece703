"""What a merchant reads for each code of Commerce's side: the words of `words.py`."""

from collections.abc import Mapping
from typing import Final

from app.web.page.i18n import deferred
from app.web.page.said import CodeWords, Leads

_WAITS: Final = deferred("Nothing to do. Waybill tries again by itself.")
_BY_ITSELF: Final = deferred("Nothing to do. Waybill checks it and goes on by itself.")
_IN_COMMERCE: Final = deferred("Correct it in Commerce and save it again, then try again here.")
_TRY_NOW: Final = deferred("Try now")
_TRY_AGAIN: Final = deferred("Try again")
_SETTLED: Final = deferred("It is settled…")
_OPEN_COMMERCE: Final = deferred("Open in Commerce")
_SETTINGS: Final = deferred("Open the store's settings")

COMMERCE_CODES: Final[Mapping[str, CodeWords]] = {
    "commerce_refused": CodeWords(
        deferred("Commerce refused it."),
        deferred(
            "Correct it in Commerce, then try again. Or enter it there by hand and settle it here."
        ),
        _TRY_AGAIN,
        Leads.FIX,
    ),
    "commerce_not_found": CodeWords(
        deferred("Commerce does not find the order."),
        deferred("Compare the order in Commerce, then try again or settle it."),
        _TRY_AGAIN,
        Leads.FIX,
    ),
    "tracking_number_required": CodeWords(
        deferred("A shipment of Commerce has no tracking number."),
        deferred("Add the number to the shipment in Commerce; it is sent then."),
        _OPEN_COMMERCE,
        Leads.COMMERCE,
    ),
    "tracks_ambiguous": CodeWords(
        deferred(
            "A shipment of Commerce has several tracking numbers and does not say what is "
            "in which package."
        ),
        deferred("Ship each package here."),
        deferred("Ship…"),
        Leads.SHIP,
    ),
    "reason_required": CodeWords(
        deferred("Commerce canceled the order without a reason, which Walmart needs."),
        deferred("Set the store's usual reason, then try again."),
        _SETTINGS,
        Leads.STORE,
    ),
    "unknown_line": CodeWords(
        deferred("Commerce named an item that belongs to no line of this order."),
        deferred("Ship or refund the units here, or link the item to its line."),
        _OPEN_COMMERCE,
        Leads.COMMERCE,
    ),
    "no_open_return": CodeWords(
        deferred("Commerce refunded units, and the buyer has no open return of them."),
        deferred(
            "It is refunded when the buyer's return arrives. Try again once Walmart shows it."
        ),
        _TRY_AGAIN,
        Leads.FIX,
    ),
    "return_ambiguous": CodeWords(
        deferred("Commerce refunded units that are in several returns."),
        deferred("Refund the right return here."),
        deferred("Open the returns"),
        Leads.RETURNS,
    ),
    "commerce_event_invalid": CodeWords(
        deferred("Commerce sent something that Waybill cannot read."),
        deferred("Check the set-up in Commerce, do the act here by hand, then settle this."),
        _SETTLED,
        Leads.FIX,
    ),
    "invalid_quantity": CodeWords(
        deferred("Commerce sent quantities that make up no whole units."),
        _IN_COMMERCE,
        _TRY_AGAIN,
        Leads.FIX,
    ),
    "track_not_sent": CodeWords(
        deferred("Walmart has these units under another tracking number already."),
        deferred("Send the buyer the further number yourself, then settle this."),
        _SETTLED,
        Leads.FIX,
    ),
    "creditmemo_amount_only": CodeWords(
        deferred("A credit memo of Commerce refunds an amount and no units."),
        deferred("Refund the amount in Seller Center, then settle this."),
        _SETTLED,
        Leads.FIX,
    ),
    "creditmemo_online": CodeWords(
        deferred("Commerce gave the money of a credit memo back itself."),
        deferred("Make offline refunds in Commerce from now on, and settle this."),
        _SETTLED,
        Leads.FIX,
    ),
    "shipment_not_told": CodeWords(
        deferred("A tracking number waits for its shipment from Commerce."),
        deferred("Nothing to do. Or save the shipment in Commerce again."),
        _OPEN_COMMERCE,
        Leads.COMMERCE,
    ),
    "order_not_linked": CodeWords(
        deferred("Commerce wrote about an order that is not linked yet."),
        deferred("Nothing to do once the order is linked to its Commerce order."),
        _OPEN_COMMERCE,
        Leads.COMMERCE,
    ),
    "commerce_order_differs": CodeWords(
        deferred("Commerce has two orders for this one."),
        deferred("Cancel one of the two in Commerce, then settle this."),
        _SETTLED,
        Leads.FIX,
    ),
    "commerce_not_connected": CodeWords(
        deferred("The store is not connected to its Commerce."),
        deferred("Connect it, then try again."),
        deferred("Connect Commerce…"),
        Leads.STORE,
    ),
    "commerce_credentials_rejected": CodeWords(
        deferred(
            "Commerce does not accept the store's token. Updates for Commerce wait; "
            "Walmart goes on."
        ),
        deferred("Enter a new token."),
        deferred("Enter a new token…"),
        Leads.STORE,
    ),
    "commerce_access_denied": CodeWords(
        deferred("Commerce does not let Waybill do this, or the address is wrong."),
        deferred("Check the address and what the integration may do."),
        deferred("Connect Commerce…"),
        Leads.STORE,
    ),
    "commerce_unreachable": CodeWords(
        deferred("Commerce does not answer."),
        _WAITS,
        _TRY_NOW,
        Leads.RETRY,
    ),
    "commerce_unavailable": CodeWords(
        deferred("Commerce is out of order at the moment."),
        _WAITS,
        _TRY_NOW,
        Leads.RETRY,
    ),
    "commerce_throttled": CodeWords(
        deferred("Commerce asks Waybill to slow down."),
        _WAITS,
        _TRY_NOW,
        Leads.RETRY,
    ),
    "commerce_unclear": CodeWords(
        deferred("Commerce gave no clear answer. Waybill checks what became of it."),
        _BY_ITSELF,
        _TRY_NOW,
        Leads.RETRY,
    ),
}
