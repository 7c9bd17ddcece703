"""What a retry will do and what a settlement found, in a merchant's words."""

from collections.abc import Mapping
from datetime import datetime

from babel import dates

from app.domain.orders import blockers
from app.domain.update import COMMERCE_KINDS, Kind
from app.usecases.updates.dismiss import Dismissed
from app.usecases.updates.retry import Retried
from app.web.page.i18n import deferred
from app.web.page.viewer import Viewer

KINDS: Mapping[str, str] = {
    Kind.ACKNOWLEDGEMENT: deferred("Acknowledgement"),
    Kind.SHIPMENT: deferred("Package"),
    Kind.CANCELLATION: deferred("Cancellation"),
    Kind.TRACKING: deferred("Tracking correction"),
    Kind.REFUND: deferred("Refund"),
    Kind.INVENTORY: deferred("Stock level"),
    Kind.COMMERCE_ORDER: deferred("Order in Commerce"),
    Kind.COMMERCE_NOTE: deferred("Note in Commerce"),
}
_QUEUED = deferred("It goes out now: %(system)s is read first, and only what is missing is sent.")
_APPLIED = deferred("%(system)s already has it. Nothing is sent.")
_UNTIL = deferred("Not before %(time)s.")
_WAITS: Mapping[str, str] = {
    "paused": deferred("It waits: %(system)s takes no calls of this kind right now."),
    "earlier_update": deferred("It waits until an earlier change of the order is through."),
    "in_doubt": deferred(
        "It waits, for an earlier try may still arrive. %(system)s is read before anything is sent."
    ),
}
_NO_HELP: Mapping[str, str] = {
    blockers.EXCESS: deferred(
        "A retry cannot help: Walmart shows more units under this number than Waybill knows of. "
        "Compare the order in Seller Center, then settle it."
    ),
    blockers.ALREADY_SHIPPED: deferred(
        "A retry cannot help: units are shipped at Walmart, so the order cannot be canceled any "
        "more. Settle it, and refund what comes back."
    ),
    blockers.CANCEL_NOT_REQUESTED: deferred(
        "A retry cannot help: the buyer did not ask to cancel. Settle it, and cancel with your own "
        "reason."
    ),
    blockers.LINE_CANCELED: deferred(
        "A retry cannot help: Walmart shows the units as canceled. Settle it."
    ),
    blockers.NO_OPEN_UNITS: deferred(
        "A retry cannot help: Walmart has fewer open units than it needs. Settle it, and ship what "
        "remains."
    ),
    blockers.STATUS_UNKNOWN: deferred(
        "A retry cannot help: Walmart shows the units in a status that Waybill does not know. "
        "Compare the order in Seller Center, then settle it."
    ),
}
_SETTLED: Mapping[str, str] = {
    "acknowledged": deferred("Settled. Walmart shows the order as acknowledged."),
    "shipped": deferred("Settled. Walmart shows all of it as shipped."),
    "canceled": deferred("Settled. Walmart shows all of it as canceled."),
    "corrected": deferred("Settled. Walmart shows the package under the new number."),
    "refunded": deferred("Settled. Walmart shows all of it as refunded."),
    "stock_level": deferred("Settled. Walmart shows a stock level."),
    "partly": deferred("Settled. Walmart shows a part of it; the other units are free again."),
    "absent": deferred("Settled. Walmart shows nothing of it; its units are free again."),
    "in_doubt": deferred(
        "Settled. It may still arrive at Walmart; what it holds stays reserved until Waybill has "
        "read Walmart again."
    ),
    "not_read": deferred(
        "Settled. Walmart could not be read; what it holds stays reserved until it is."
    ),
}
_NOTHING = deferred("Settled. Walmart shows nothing of it.")
_SETTLED_IN_COMMERCE = deferred("Settled. Walmart was not asked, for this went to Commerce.")


def retried(viewer: Viewer, found: Retried) -> str:
    """What a retry will do."""
    system = _system(found.update.kind)
    if found.will == "already_applied":
        return viewer.gettext(_APPLIED, system=system)
    if found.will == "cannot_help":
        return viewer.gettext(_NO_HELP[found.why or ""])
    if found.will == "waiting":
        text = viewer.gettext(_WAITS[found.why or ""], system=system)
        return f"{text} {until(viewer, found.until)}".strip()
    return viewer.gettext(_QUEUED, system=system)


def settled(viewer: Viewer, found: Dismissed) -> str:
    """What Walmart showed of a settled update."""
    if found.update.kind in COMMERCE_KINDS:
        return viewer.gettext(_SETTLED_IN_COMMERCE)
    holds = found.update.kind in {Kind.SHIPMENT, Kind.CANCELLATION}
    nothing = found.walmart == "absent" and not holds
    text = viewer.gettext(_NOTHING if nothing else _SETTLED[found.walmart])
    return f"{text} {until(viewer, found.until)}".strip()


def until(viewer: Viewer, time: datetime | None) -> str:
    """Until when something waits; empty without a time."""
    if time is None:
        return ""
    shown = dates.format_datetime(time, "short", tzinfo=viewer.zone, locale=viewer.babel)
    return viewer.gettext(_UNTIL, time=shown)


def _system(kind: str) -> str:
    return "Commerce" if kind in COMMERCE_KINDS else "Walmart"
