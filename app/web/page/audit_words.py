"""Sentences for the acts of the audit."""

from collections.abc import Mapping

from app.domain.audited_act import AuditedAct
from app.storage.queries.views import AuditedActView
from app.web.page.i18n import deferred
from app.web.page.viewer import Viewer

SENTENCES: Mapping[AuditedAct, str] = {
    AuditedAct.STORE_CREATED: deferred("Connected the store"),
    AuditedAct.STORE_CHANGED: deferred("Changed settings"),
    AuditedAct.STORE_CREDENTIALS_CHANGED: deferred("Replaced access to Walmart or Commerce"),
    AuditedAct.STORE_CARRIERS_CHANGED: deferred("Changed carriers"),
    AuditedAct.STORE_NOTIFICATIONS_CHANGED: deferred("Changed notifications"),
    AuditedAct.NOTIFICATION_TESTED: deferred("Sent a test notification"),
    AuditedAct.NOTIFICATIONS_REPLAYED: deferred("Sent notifications again"),
    AuditedAct.WALMART_SUBSCRIBED: deferred("Asked Walmart to announce orders"),
    AuditedAct.KEY_CREATED: deferred("Made the key %(subject)s"),
    AuditedAct.KEY_REVOKED: deferred("Revoked the key %(subject)s"),
    AuditedAct.KEY_ROTATED: deferred("Gave the key %(subject)s a new secret"),
    AuditedAct.SECRETS_REENCRYPTED: deferred("Encrypted stored secrets again"),
    AuditedAct.UPDATE_RETRIED: deferred("Tried an update again"),
    AuditedAct.UPDATE_DISMISSED: deferred("Settled an update at Walmart"),
    AuditedAct.COMMERCE_EVENT_RETRIED: deferred("Tried an event of Commerce again"),
    AuditedAct.COMMERCE_EVENT_DISMISSED: deferred("Settled an event of Commerce"),
    AuditedAct.JOB_CREATED: deferred("Began an act on everything that a filter finds"),
    AuditedAct.ORDER_TEXT_ERASED: deferred("Erased the text of order %(subject)s"),
    AuditedAct.RECOVERED: deferred("Recovered the store after a restored backup"),
    AuditedAct.SIGN_IN_LINK_CREATED: deferred("Made a sign-in link for %(subject)s"),
    AuditedAct.SIGNED_IN: deferred("Signed in"),
    AuditedAct.SIGNED_OUT: deferred("Signed out"),
    AuditedAct.SIGN_IN_REFUSED: deferred("Was refused at sign-in"),
    AuditedAct.ACCESS_REFUSED: deferred("Was refused access"),
}
# Settings by their names in the audit.
_SETTINGS: Mapping[str, str] = {
    "name": deferred("Name"),
    "code": deferred("Store view code"),
    "market": deferred("Market"),
    "walmart.client_id": deferred("Client ID"),
    "walmart.client_secret": deferred("Client secret"),
    "commerce.base_url": deferred("Address of the shop"),
    "commerce.access_token": deferred("Access token"),
    "commerce.push_orders": deferred("Create orders in Commerce"),
    "commerce.payment_method": deferred("Payment method"),
    "commerce.stock_id": deferred("Stock"),
    "commerce.webhook_public_keys": deferred("Keys of webhooks"),
    "commerce.io_client_ids": deferred("Client IDs of Adobe events"),
    "default_cancellation_reason": deferred("Usual reason to cancel"),
    "default_tracking_url": deferred("Tracking address of other carriers"),
    "time_zone": deferred("Time zone of files"),
    "charge_amount_is": deferred("Meaning of Walmart's amounts"),
    "admin_order_url": deferred("Address of an order in the Commerce Admin"),
    "notifications.url": deferred("Address of notifications"),
    "notifications.host": deferred("Address of notifications"),
    "notifications.secret": deferred("Secret of notifications"),
    "notifications.kinds": deferred("Kinds of notifications"),
    "notifications.old_secret_until": deferred("Old secret of notifications"),
}
_MOST_NAMES = 6


def sentence(act: AuditedActView, viewer: Viewer) -> str:
    """What a person did."""
    return viewer.gettext(SENTENCES[act.what], subject=act.subject)


def changed(act: AuditedActView, viewer: Viewer) -> str:
    """Which settings an act changed, by their names; empty for another act."""
    if not act.what.startswith("store_") or act.what is AuditedAct.STORE_CREATED:
        return ""
    names: list[str] = []
    for name in {**act.before, **act.after}:
        shown = name.partition(".")[2] if name.startswith("carriers.") else _SETTINGS.get(name)
        words = shown if name.startswith("carriers.") else shown and viewer.gettext(shown)
        if words and words not in names:
            names.append(words)
    more = "…" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
