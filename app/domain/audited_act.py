"""The closed list of acts that the audit records, each with its meaning."""

from enum import StrEnum


class AuditedAct(StrEnum):
    """An act in the audit. `docs/audit.md` shows MEANINGS; a test compares them."""

    STORE_CREATED = "store_created"
    STORE_CHANGED = "store_changed"
    STORE_CREDENTIALS_CHANGED = "store_credentials_changed"
    STORE_CARRIERS_CHANGED = "store_carriers_changed"
    STORE_NOTIFICATIONS_CHANGED = "store_notifications_changed"
    NOTIFICATION_TESTED = "notification_tested"
    NOTIFICATIONS_REPLAYED = "notifications_replayed"
    WALMART_SUBSCRIBED = "walmart_subscribed"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    KEY_ROTATED = "key_rotated"
    UPDATE_RETRIED = "update_retried"
    UPDATE_DISMISSED = "update_dismissed"
    COMMERCE_EVENT_RETRIED = "commerce_event_retried"
    COMMERCE_EVENT_DISMISSED = "commerce_event_dismissed"
    SECRETS_REENCRYPTED = "secrets_reencrypted"
    JOB_CREATED = "job_created"
    ORDER_TEXT_ERASED = "order_text_erased"
    RECOVERED = "recovered"
    SIGN_IN_LINK_CREATED = "sign_in_link_created"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_REFUSED = "sign_in_refused"
    ACCESS_REFUSED = "access_refused"


MEANINGS: dict[AuditedAct, str] = {
    AuditedAct.STORE_CREATED: "A store was connected.",
    AuditedAct.STORE_CHANGED: "Settings of a store were changed.",
    AuditedAct.STORE_CREDENTIALS_CHANGED: "A store's account, keys or token for Walmart or "
    "Commerce were replaced.",
    AuditedAct.STORE_CARRIERS_CHANGED: "A store's carriers or default tracking URL were changed.",
    AuditedAct.STORE_NOTIFICATIONS_CHANGED: "The address, a secret or the kinds of a store's "
    "notifications were changed.",
    AuditedAct.NOTIFICATION_TESTED: "A test notification was sent.",
    AuditedAct.NOTIFICATIONS_REPLAYED: "A store's notifications were sent again.",
    AuditedAct.WALMART_SUBSCRIBED: "Walmart was asked to announce a store's orders.",
    AuditedAct.KEY_CREATED: "An API key was created.",
    AuditedAct.KEY_REVOKED: "An API key was revoked.",
    AuditedAct.KEY_ROTATED: "An API key got a new secret; `after` says until when the one before "
    "works.",
    AuditedAct.UPDATE_RETRIED: "An update was retried.",
    AuditedAct.UPDATE_DISMISSED: "An update was dismissed.",
    AuditedAct.COMMERCE_EVENT_RETRIED: "An event of Commerce was carried out again.",
    AuditedAct.COMMERCE_EVENT_DISMISSED: "An event of Commerce was dismissed.",
    AuditedAct.SECRETS_REENCRYPTED: "Secrets of a table were encrypted with the newest key.",
    AuditedAct.JOB_CREATED: "A job was made, which does one act to all that a filter finds; "
    "`subject` is its id.",
    AuditedAct.ORDER_TEXT_ERASED: "The text of an order was erased; `after` counts what had some.",
    AuditedAct.RECOVERED: "`waybill recover` put the open updates of a store in doubt after a "
    "restored backup; `after` counts them and the stock levels that it ended.",
    AuditedAct.SIGN_IN_LINK_CREATED: "A sign-in link was made for a person.",
    AuditedAct.SIGNED_IN: "A person signed in to the page.",
    AuditedAct.SIGNED_OUT: "A person signed out, or a session was ended; `subject` is its id.",
    AuditedAct.SIGN_IN_REFUSED: "Sign-ins from an address were refused; `after.count` says how "
    "many since the row before.",
    AuditedAct.ACCESS_REFUSED: "Requests from an address were refused with 401 or 403, or with 429 "
    "for too many wrong keys; `after.reason` is the code of the problem, `after.count` says how "
    "many since the row before.",
}
