"""Every `code` a problem document can have, in one table: its status and what it means.

Codes are stable: clients branch on them. `/docs/problems` shows this table, and a test
holds it against the codes that the program raises.
"""

from http import HTTPStatus
from typing import NamedTuple

# Python 3.13 renamed these two.
_TITLES = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}


def title(status: int) -> str:
    """Title of the problems with that status, the same on every version of Python."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


class Code(NamedTuple):
    """A code's usual HTTP status, and its meaning with what to do about it."""

    status: int
    meaning: str


CODES: dict[str, Code] = {
    # The request itself
    "malformed_json": Code(400, "The body is not JSON in UTF-8. Send valid JSON."),
    "bad_request": Code(400, "The request is not well-formed HTTP for this API."),
    "unauthorized": Code(401, "No valid API key was sent as `Authorization: Bearer`."),
    "scope_missing": Code(403, "The API key lacks the scope for this operation."),
    "not_found": Code(404, "There is nothing at this address."),
    "method_not_allowed": Code(405, "The address exists, but not with this method."),
    "body_too_large": Code(
        413, "The body is larger than its address takes: detail says how much. Split the request."
    ),
    "unsupported_media_type": Code(415, "Send the body as application/json."),
    "internal_error": Code(500, "A fault in Waybill. It is logged under the request id."),
    "database_unavailable": Code(
        503, "Send it again after Retry-After, a POST with the same Idempotency-Key."
    ),
    "order_busy": Code(503, "Another transaction holds the order, or a row beside it. As above."),
    "commerce_unavailable": Code(503, "The store's Commerce does not answer. Send it again later."),
    "adobe_keys_unavailable": Code(503, "Adobe's keys cannot be fetched. Send it again later."),
    "walmart_unavailable": Code(503, "Walmart could not be read. Send it again later."),
    # Content
    "invalid": Code(422, "A field has a wrong type or form; errors says which."),
    "required": Code(422, "A required field is missing."),
    "unknown_field": Code(422, "The API does not know this field; nothing is guessed."),
    "unknown_parameter": Code(422, "The operation does not know this query parameter."),
    "cursor_invalid": Code(422, "The cursor is not one this list gave. Begin without one."),
    "search_too_broad": Code(422, "More than 1,000 numbers begin with q. Give more of it."),
    "idempotency_key_invalid": Code(422, "1 to 255 printable ASCII characters are needed."),
    "idempotency_key_reused": Code(422, "The key was used with another body before."),
    "unknown_line": Code(422, "The order has no such line, SKU or Commerce item."),
    "line_repeated": Code(422, "A line is named twice in one request."),
    "invalid_quantity": Code(422, "A quantity is a whole number of at least 1."),
    "tracking_number_required": Code(422, "Walmart takes no shipment without one."),
    "tracking_number_invalid": Code(422, "A to Z and 0 to 9, at most 60, not the order's own."),
    "tracking_url_required": Code(422, "Walmart does not know the carrier: the buyer needs a URL."),
    "tracking_url_invalid": Code(422, "An http or https address is needed."),
    "shipped_at_in_future": Code(422, "A package cannot leave later than now."),
    "shipped_at_before_order": Code(422, "A package cannot leave before the order was placed."),
    "method_code_invalid": Code(422, "Not one of Walmart's shipping methods."),
    "notification_invalid": Code(422, "This is none of Walmart's events."),
    "commerce_event_invalid": Code(422, "The event cannot be read; sending it again cannot help."),
    "commerce_base_url_invalid": Code(422, "An http(s) address without a query is needed."),
    "address_forbidden": Code(422, "Waybill does not call that address, or not over http."),
    "notifications_url_invalid": Code(422, "An http(s) address without a password is needed."),
    "commerce_access_needed": Code(422, "Commerce cannot be called without address and token."),
    "public_key_invalid": Code(422, "A public RSA key in PEM of at least 2048 bits is needed."),
    "file_invalid": Code(422, "The file cannot be read as CSV or JSON lines of known columns."),
    "file_too_long": Code(422, "At most 10,000 rows are taken at once."),
    "row_invalid": Code(422, "The row cannot be read."),
    "creditmemo_online": Code(422, "Commerce gave the money back itself; refund offline."),
    "tracks_ambiguous": Code(422, "Which units travel under which number cannot be told."),
    "search_criteria_invalid": Code(422, "searchCriteria names what cannot be searched so."),
    "reason_required": Code(422, "A cancellation needs a reason."),
    "reason_invalid": Code(422, "Not one of the reasons of /v1/cancellation-reasons."),
    "partial_cancellation_not_supported": Code(422, "Only whole orders are canceled."),
    "cancel_not_requested": Code(422, "The buyer did not ask; give the seller's own reason."),
    "unknown_sku": Code(422, "The order has no line of this SKU."),
    "sku_repeated": Code(422, "A SKU is named twice for one ship node."),
    "market_not_supported": Code(422, "Waybill connects accounts of US, CA and MX."),
    "store_code_invalid": Code(422, "A letter, then letters, digits and underscores."),
    "carrier_unknown": Code(422, "Walmart does not know the carrier; map it as other."),
    # Things that are not there, as far as the key may see
    "store_not_found": Code(404, "No such store, or the key may not see it."),
    "order_not_found": Code(404, "No such order, or the key may not see it."),
    "shipment_not_found": Code(404, "The order has no such shipment."),
    "commerce_event_not_found": Code(404, "Nothing such was told, or the key may not see it."),
    "return_not_found": Code(404, "There is no such return, or the key may not see it."),
    "cancellation_not_found": Code(404, "The order has no cancellation."),
    "update_not_found": Code(404, "No such update, or the key may not see it."),
    "purchase_order_not_found": Code(404, "Walmart knows no such purchase order of the store."),
    # State
    "idempotency_in_progress": Code(409, "The same request is running. Ask again in a second."),
    "store_code_taken": Code(409, "Another store has this code."),
    "store_name_taken": Code(409, "Another store has this name; case does not matter."),
    "walmart_account_taken": Code(
        409, "Another store is connected to this Walmart account; an account has one store."
    ),
    "fulfilled_by_walmart": Code(409, "Walmart's own warehouses ship it; nothing is sent."),
    "order_unreadable": Code(409, "Walmart's picture of it could not be read. Import it again."),
    "nothing_to_refund": Code(409, "Every unit of the return is refunded, or on its way."),
    "refund_exceeds_return": Code(409, "More units than the return has left to refund."),
    "refund_in_doubt": Code(
        409, "A refund of the line may still take effect; the detail says when it is clear."
    ),
    "order_in_doubt": Code(
        409, "Units may still arrive or be shown by a later read; the detail says when it is clear."
    ),
    "order_not_shipped": Code(409, "Only what was shipped is refunded."),
    "commerce_order_taken": Code(409, "Another order is linked to that Commerce order."),
    "commerce_order_ambiguous": Code(409, "Several orders are linked to that Commerce order."),
    "commerce_event_finished": Code(409, "It is neither refused nor waiting."),
    "track_not_sent": Code(409, "Walmart has the units under another number already."),
    "order_unknown": Code(409, "The return's order is not known here. Import it."),
    "return_closed": Code(409, "No refund answers the return: canceled, or a replacement."),
    "return_unreadable": Code(409, "Walmart shows the return in a way that cannot be read."),
    "no_open_return": Code(409, "No open return holds these items."),
    "return_ambiguous": Code(409, "Several returns hold these items. Refund one by its id."),
    "webhooks_not_offered": Code(409, "Walmart offers the account no such events."),
    "order_ambiguous": Code(409, "Several orders bear the number. Use Walmart's."),
    "order_differs": Code(409, "The order is known with other content."),
    "reference_reused": Code(409, "Another shipment of the order bears the reference."),
    "quantity_exceeds_remaining": Code(409, "Fewer units remain than were asked for."),
    "cancel_requested": Code(
        409, "The buyer asked to cancel a line. Leave it out, or send override_cancel_request."
    ),
    "nothing_to_ship": Code(409, "No unit of the order remains."),
    "order_canceled": Code(409, "The order is canceled."),
    "order_already_canceled": Code(409, "The order is canceled already."),
    "order_already_shipped": Code(409, "Units have left or are on their way: refund instead."),
    "cancellation_pending": Code(409, "The order is being canceled at Walmart."),
    "cancellation_unresolved": Code(409, "An earlier cancellation failed: retry or dismiss it."),
    "shipment_unresolved": Code(409, "A shipment failed: dismiss it before canceling."),
    "tracking_window_closed": Code(409, "Walmart takes corrections for 4 hours only."),
    "update_in_progress": Code(409, "A poller is delivering it. Ask again in a moment."),
    "update_finished": Code(409, "The update is confirmed or dismissed already."),
    "credentials_rejected": Code(409, "Walmart does not accept the store's credentials."),
    "secret_unreadable": Code(409, "No configured encryption key reads the store's secret."),
    "order_not_at_walmart": Code(409, "Walmart knows no such purchase order of the store."),
}
