"""Every `code` of a problem document, with its status and its meaning.

Clients branch on a code, so none is ever renamed. `/docs/problems` shows this table, and a test
compares it with the codes that the program raises.
"""

from http import HTTPStatus
from typing import NamedTuple

# Python 3.13 renamed these two.
_TITLES = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}


def title(status: int) -> str:
    """The title of problems with that status, the same on every version of Python."""
    # mutation: problem-title-across-versions
    return _TITLES.get(status) or HTTPStatus(status).phrase


class Code(NamedTuple):
    """The meaning of a code."""

    status: int
    """The usual HTTP status."""
    meaning: str
    """What is wrong and what the client can do, in a sentence or two."""


CODES: dict[str, Code] = {
    # The request itself
    "malformed_json": Code(400, "The body is not valid JSON in UTF-8."),
    "bad_request": Code(400, "The request is not a well-formed HTTP request for this API."),
    "unauthorized": Code(
        401, "The request has no valid API key in `Authorization: Bearer`, or OAuth signature."
    ),
    "scope_missing": Code(403, "The API key lacks the scope that this operation needs."),
    "cross_site": Code(403, "The form does not come from a page of this Waybill."),
    "not_found": Code(404, "The path does not exist."),
    "method_not_allowed": Code(405, "The path does not support this method."),
    "body_too_large": Code(
        413, "The body exceeds the limit of its path, which detail states. Split the request."
    ),
    "unsupported_media_type": Code(
        415, "The path does not accept this media type. `detail` lists the accepted ones."
    ),
    "too_many_attempts": Code(
        429,
        "Too many requests from this address had a wrong API key or signature. Send the right one, "
        "which works at once, or try again after Retry-After.",
    ),
    "rate_limited": Code(
        429,
        "The API key made too many requests. Send the request again after Retry-After; `RateLimit` "
        "of each answer says how many are left.",
    ),
    "internal_error": Code(500, "Waybill failed. The failure is logged with the request id."),
    "database_unavailable": Code(
        503,
        "The database cannot be reached. Send the request again after Retry-After, a POST with "
        "the same Idempotency-Key.",
    ),
    "draining": Code(
        503, "The process is about to stop. `/readyz` says so; requests are still answered."
    ),
    "order_busy": Code(
        503,
        "Another transaction locks the order or one of its rows. Send the request again after "
        "Retry-After, a POST with the same Idempotency-Key.",
    ),
    "request_timeout": Code(
        503,
        "The request took too long and was broken off. Nothing is half done, and it may be done "
        "wholly: send it again after Retry-After, a POST with the same Idempotency-Key.",
    ),
    "commerce_unavailable": Code(503, "The store's Commerce does not answer. Try again later."),
    "adobe_keys_unavailable": Code(503, "Adobe's public keys cannot be fetched. Try again later."),
    "too_many_streams": Code(
        503, "The process has as many streams of events as it may have. Try again later."
    ),
    "walmart_unavailable": Code(503, "Walmart could not be read. Try again later."),
    # Content
    "invalid": Code(422, "A field has the wrong type or form; errors names the field."),
    "required": Code(422, "A required field is missing."),
    "unknown_field": Code(422, "The operation has no field of this name."),
    "unknown_parameter": Code(422, "The operation has no query parameter of this name."),
    "cursor_invalid": Code(422, "The cursor is not from this list. Start without a cursor."),
    "search_too_broad": Code(
        422, "More than 1,000 numbers begin with q, or a searchCriteria took too long."
    ),
    "store_id_required": Code(
        422,
        "The installation keeps its stores on several database servers (Citus): name the store.",
    ),
    "idempotency_key_invalid": Code(422, "The key must have 1 to 255 printable ASCII characters."),
    "idempotency_key_reused": Code(422, "The key was used before with another body."),
    "unknown_line": Code(422, "The order has no such line, SKU or Commerce item."),
    "line_repeated": Code(422, "The request names a line twice."),
    "commerce_items_differ": Code(
        422, "Lines that share an item of the Commerce order must have the same items."
    ),
    "invalid_quantity": Code(422, "A quantity must be a whole number of at least 1."),
    "tracking_number_required": Code(422, "Walmart requires a tracking number for a shipment."),
    "tracking_number_invalid": Code(
        422, "At most 60 letters and digits are allowed, and not the order's own number."
    ),
    "tracking_url_required": Code(
        422, "Walmart does not know the carrier, so it requires a tracking URL."
    ),
    "tracking_url_invalid": Code(422, "The tracking URL must be an http or https URL."),
    "admin_order_url_invalid": Code(422, "The address must be http(s) and have {entity_id}."),
    "fix_changed": Code(409, "The update needs another fix now, or none. Read it again."),
    "shipped_at_in_future": Code(422, "shipped_at is in the future."),
    "shipped_at_before_order": Code(422, "shipped_at is before the time of the order."),
    "method_code_invalid": Code(422, "Walmart has no such shipping method."),
    "notification_invalid": Code(422, "The body is not a Walmart notification."),
    "commerce_event_invalid": Code(
        422, "The event cannot be parsed. It would fail again if it were sent again."
    ),
    "commerce_base_url_invalid": Code(422, "The base URL must be an http(s) URL without a query."),
    "address_forbidden": Code(422, "Waybill does not call this address, or not over plain http."),
    "notifications_url_invalid": Code(422, "The URL must be http(s) and have no password."),
    "notifications_secret_invalid": Code(
        422, "A secret that begins with whsec_ must be 24 to 64 bytes in base64."
    ),
    "old_secret_until_invalid": Code(
        422, "An old secret can sign for up to 30 days after a new one was given."
    ),
    "commerce_access_needed": Code(
        422, "A base URL and an access token are needed to call Commerce."
    ),
    "public_key_invalid": Code(
        422, "The key must be a public RSA key in PEM of at least 2048 bits."
    ),
    "file_invalid": Code(422, "The file is not CSV or JSON lines with known columns."),
    "file_too_long": Code(422, "The file has more than 10,000 rows."),
    "row_invalid": Code(422, "The row cannot be parsed."),
    "creditmemo_amount_only": Code(
        422, "The credit memo credits an amount and no units. Waybill sends no amount to Walmart."
    ),
    "creditmemo_online": Code(
        422, "Commerce refunded the payment online. Create the credit memo offline."
    ),
    "tracks_ambiguous": Code(422, "The tracks do not define the units of each package."),
    "search_criteria_invalid": Code(
        422, "searchCriteria has an unknown field, condition, value or page."
    ),
    "store_code_required": Code(
        422, "The key sees several stores. Name one of their codes in the address."
    ),
    "tokens_not_issued": Code(
        422, "Waybill issues no tokens for user names and passwords. Send an API key instead."
    ),
    "fields_invalid": Code(422, "fields must be names, with names within them in [ ]."),
    "not_applicable": Code(
        422, "Walmart's orders have nothing that this path of Commerce could read or change."
    ),
    "reason_required": Code(422, "A cancellation needs a reason."),
    "reason_invalid": Code(422, "The reason is not listed at /v1/cancellation-reasons."),
    "partial_cancellation_not_supported": Code(422, "Only a whole order can be canceled."),
    "cancel_not_requested": Code(
        422, "The buyer did not request the cancellation. Give a reason of the seller."
    ),
    "unknown_sku": Code(422, "The order has no line with this SKU."),
    "sku_repeated": Code(422, "The request names a SKU twice for one ship node."),
    "time_zone_unknown": Code(422, "The IANA time zone database has no such zone."),
    "market_not_supported": Code(422, "Waybill supports the markets US, CA and MX."),
    "store_code_invalid": Code(
        422, "A store code is a letter, then letters, digits and underscores."
    ),
    "carrier_unknown": Code(422, "Walmart does not know the carrier. Map the code to other."),
    "public_url_invalid": Code(422, "The address must be https:// and reachable for Walmart."),
    "nothing_to_try": Code(422, "Give credentials of Walmart, of Commerce, or both."),
    "page_unknown": Code(422, "The path is no page of Waybill."),
    "key_name_invalid": Code(
        422, "A name is one line of 1 to 100 characters, without blanks around it."
    ),
    "expires_in_past": Code(422, "expires_at must be in the future."),
    # Resources that do not exist, or that the key may not see
    "store_not_found": Code(404, "The store does not exist, or the key may not see it."),
    "session_not_found": Code(404, "The session has ended, or the key may not see it."),
    "key_not_found": Code(404, "The API key does not exist, or the key may not see it."),
    "order_not_found": Code(404, "The order does not exist, or the key may not see it."),
    "shipment_not_found": Code(404, "The order has no such shipment."),
    "track_not_found": Code(404, "The store has no shipment with such a track."),
    "order_item_not_found": Code(404, "No order of the store is linked to such an item."),
    "credit_memo_not_found": Code(404, "The store has no credit memo with such a number."),
    "commerce_event_not_found": Code(404, "The event does not exist, or the key may not see it."),
    "return_not_found": Code(404, "The return does not exist, or the key may not see it."),
    "cancellation_not_found": Code(404, "The order has no cancellation."),
    "attention_group_not_found": Code(
        404, "Nothing of this cause needs action any more, or the key may not see it."
    ),
    "update_not_found": Code(404, "The update does not exist, or the key may not see it."),
    "job_not_found": Code(404, "The job does not exist, or the key may not see it."),
    "purchase_order_not_found": Code(404, "The seller account has no such purchase order."),
    # State
    "idempotency_in_progress": Code(
        409, "A request with this key is in progress. Try again in a second."
    ),
    "store_code_taken": Code(409, "Another store has this code."),
    "key_name_taken": Code(409, "Another key has or had this name; names are never used twice."),
    "notifications_not_set": Code(409, "The store has no address for notifications."),
    "key_revoked": Code(409, "The key was revoked before."),
    "key_expired": Code(409, "The key has expired. Create another."),
    "key_signs": Code(
        409,
        "A key that signs its requests cannot be rotated. Create another, then revoke it.",
    ),
    "store_name_taken": Code(409, "Another store has this name, apart from case."),
    "walmart_account_taken": Code(
        409, "Another store is connected to this Walmart account. An account has one store."
    ),
    "fulfilled_by_walmart": Code(
        409, "Walmart's own warehouses fulfill the order, so no update can be sent."
    ),
    "order_unreadable": Code(409, "Walmart's data of the order cannot be parsed. Import it again."),
    "nothing_to_refund": Code(409, "All units of the return are refunded or being refunded."),
    "refund_exceeds_return": Code(409, "The return has fewer units left to refund."),
    "refund_in_doubt": Code(
        409, "An earlier refund of the line may still take effect; detail states until when."
    ),
    "order_in_doubt": Code(
        409, "An earlier write of the order may still take effect; detail states until when."
    ),
    "order_not_shipped": Code(409, "Only shipped units can be refunded."),
    "commerce_order_taken": Code(409, "Another order is linked to this Commerce order."),
    "commerce_order_ambiguous": Code(409, "Several orders are linked to this Commerce order."),
    "commerce_event_finished": Code(409, "The event is neither refused nor waiting."),
    "track_not_sent": Code(409, "Walmart already has these units with another tracking number."),
    "order_unknown": Code(409, "Waybill does not have the order of the return. Import it."),
    "return_closed": Code(409, "The return is canceled or a replacement, so it has no refund."),
    "return_unreadable": Code(409, "Walmart's data of the return cannot be parsed."),
    "no_open_return": Code(409, "No open return has these items."),
    "return_ambiguous": Code(
        409, "Several returns have these items. Refund one of them by its id."
    ),
    "webhooks_not_offered": Code(409, "Walmart does not offer these events to the account."),
    "order_ambiguous": Code(
        409, "Several orders have this number. Use Walmart's purchase order number."
    ),
    "order_differs": Code(409, "The order is already registered with other content."),
    "reference_reused": Code(409, "Another shipment of the order has this reference."),
    "quantity_exceeds_remaining": Code(409, "The line has fewer units remaining."),
    "cancel_requested": Code(
        409,
        "The buyer requested to cancel a line. Leave it out, or set override_cancel_request.",
    ),
    "nothing_to_ship": Code(409, "The order has no units remaining."),
    "order_canceled": Code(409, "The order is canceled."),
    "order_already_canceled": Code(409, "The order is already canceled."),
    "order_already_shipped": Code(409, "Units are shipped or being shipped. Refund them instead."),
    "cancellation_pending": Code(409, "A cancellation of the order is in progress."),
    "cancellation_unresolved": Code(
        409, "An earlier cancellation failed. Retry or dismiss it first."
    ),
    "shipment_unresolved": Code(409, "A shipment failed. Settle or dismiss it before you cancel."),
    "tracking_window_closed": Code(
        409, "Walmart accepts a corrected tracking number for 4 hours only."
    ),
    "update_in_progress": Code(409, "A poller is delivering the update. Try again in a moment."),
    "attention_fix_elsewhere": Code(
        409,
        "The cases of this cause have no fix in common here. `fix` says where they are settled.",
    ),
    "update_finished": Code(409, "The update is already confirmed or dismissed."),
    "credentials_rejected": Code(409, "Walmart rejects the store's credentials."),
    "secret_unreadable": Code(409, "No configured encryption key decrypts the store's secret."),
    "order_not_at_walmart": Code(409, "The seller account has no such purchase order."),
}
