"""What the list of returns says of each: who refunded it, what is on its way, what is left."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.orders.returns import CLOSED, ERROR, RECEIVED, REFUNDED, REPLACEMENT
from app.domain.update import AT_REST, State
from app.storage.queries.views import ReturnItemView, ReturnView
from app.web.page.i18n import deferred
from app.web.page.viewer import Viewer
from app.web.page.words import said

_STATUSES: Mapping[str, tuple[str, str, str]] = {
    RECEIVED: ("busy", "return", deferred("Requested")),
    REFUNDED: ("good", "check", deferred("Refunded")),
    ERROR: ("bad", "warning", deferred("Error")),
    CLOSED: ("", "canceled", deferred("Closed")),
}
_ARRIVED = ("warn", "box", deferred("Arrived"))
# Who asks for the refund of a credit memo.
_COMMERCE = "commerce"
# Reasons of a refusal, as a person reads them.
_REFUSED: Mapping[str, str] = {
    "required": deferred("Choose how many units to refund."),
    "nothing_to_refund": deferred("All of it is refunded already, or on its way."),
    "refund_exceeds_return": deferred("Fewer units are left to refund; someone was faster."),
    "refund_in_doubt": deferred("An earlier refund may still arrive; try later."),
    "order_not_shipped": deferred("Walmart does not show these units as shipped."),
    "order_unknown": deferred("The order of this return is not in Waybill yet. Import it first."),
    "return_closed": deferred("This return is closed: canceled, or the buyer gets a replacement."),
    "return_unreadable": deferred("Walmart shows this return in a way that cannot be read."),
    "order_in_doubt": deferred("Something of the order may still arrive at Walmart; try later."),
}
_REPLACED = deferred("The buyer gets a replacement; there is no refund.")
_CANCELED = deferred("The return was canceled; the buyer keeps it.")
_OTHER = deferred("This cannot be refunded like that. Open the page again and compare it.")


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A line of a return with the units that may still be refunded."""

    item: ReturnItemView
    left: int
    going: int
    """Units of refunds that are not at rest."""


def status(view: ReturnView) -> tuple[str, str, str]:
    """The tone, icon and word of a return's status."""
    arrived = view.status == RECEIVED and view.arrived_at is not None
    return _ARRIVED if arrived else _STATUSES[view.status]


def lines(view: ReturnView) -> list[LeftOver]:
    """The lines of a return with what is left of each."""
    going: Counter[int] = Counter()
    for refund in view.refunds:
        if refund.state not in AT_REST:
            for item in refund.items:
                going[item.return_line_number] += item.quantity
    return [_left(item, going[item.return_line_number]) for item in view.items]


def left(view: ReturnView) -> int:
    """Units that may still be refunded. A closed return has none."""
    return 0 if view.status == CLOSED else sum(line.left for line in lines(view))


def refunded(view: ReturnView) -> tuple[int, int]:
    """Units that are refunded, and all that are not canceled."""
    return (
        sum(item.refunded for item in view.items),
        sum(item.quantity - item.canceled for item in view.items),
    )


def details(view: ReturnView, viewer: Viewer) -> str:
    """What happened to a return, or is happening."""
    if view.status == ERROR:
        return said(view.status_details[0], viewer).sentence if view.status_details else ""
    if view.status == CLOSED:
        return viewer.gettext(_REPLACED if view.return_type == REPLACEMENT else _CANCELED)
    return _who(view, viewer) if view.status == REFUNDED else _going(view, viewer)


def refusal(viewer: Viewer, code: str) -> str:
    """Why a refund is refused."""
    return viewer.gettext(_REFUSED.get(code, _OTHER))


def _going(view: ReturnView, viewer: Viewer) -> str:
    """What of an open return is refunded, or on its way."""
    if sum(line.going for line in lines(view)):
        return viewer.gettext("A refund is on its way to Walmart.")
    done, whole = refunded(view)
    if done:
        return viewer.gettext("%(done)s of %(whole)s refunded.", done=done, whole=whole)
    return ""


def _who(view: ReturnView, viewer: Viewer) -> str:
    """Who refunded a return."""
    names = [each.update.requested_by for each in view.refunds if each.state == State.CONFIRMED]
    if not names:
        return viewer.gettext("Walmart refunded it by itself.")
    if _COMMERCE in {(name or "").casefold() for name in names}:
        return viewer.gettext("By a credit memo of Commerce.")
    return viewer.gettext("By %(name)s.", name=names[-1] or "Waybill")


def _left(item: ReturnItemView, going: int) -> LeftOver:
    remaining = item.quantity - item.refunded - item.canceled - going
    return LeftOver(item, max(remaining, 0), going)
