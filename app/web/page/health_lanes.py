"""What of a store may go out, as chips: one for everything, or one for what is stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.outbox.rate_limits import Endpoint
from app.storage.queries.views import LaneHealthView
from app.web.page.i18n import deferred

ALL = deferred("Everything")
STOPPED: Mapping[str, str] = {
    Endpoint.ALL: deferred("Nothing"),
    Endpoint.SHIP: deferred("No shipments"),
    Endpoint.CANCEL: deferred("No cancellations"),
    Endpoint.REFUND: deferred("No refunds"),
    Endpoint.INVENTORY: deferred("No stock"),
    Endpoint.ACKNOWLEDGE: deferred("No acceptance of orders"),
    Endpoint.COMMERCE: deferred("Nothing to Commerce"),
    Endpoint.READ: deferred("Orders are not read"),
    Endpoint.LIST: deferred("Orders are not read"),
    Endpoint.RELEASED: deferred("Orders are not read"),
    Endpoint.RETURNS: deferred("Returns are not read"),
}
REASONS: Mapping[str, str] = {
    "credentials_rejected": deferred("Walmart rejects the keys"),
    "walmart_access_denied": deferred("the keys lack a permission"),
    "secret_unreadable": deferred("Waybill cannot read the keys"),
    "commerce_credentials_rejected": deferred("Commerce rejects the token"),
    "commerce_access_denied": deferred("the token lacks a permission"),
    "walmart_throttled": deferred("Walmart asks to wait"),
    "commerce_throttled": deferred("Commerce asks to wait"),
    "walmart_unavailable": deferred("Walmart does not answer"),
    "commerce_unavailable": deferred("Commerce does not answer"),
}
_PAUSED = deferred("paused")


@dataclass(frozen=True, slots=True)
class Chip:
    """What may go out, or why it may not."""

    tone: str
    icon: str
    words: str
    reason: str = ""
    since: datetime | None = None
    """Shown for what needs a person."""
    until: datetime | None = None


def chips(lanes: Sequence[LaneHealthView]) -> list[Chip]:
    """The chips of a store. Lanes that are stopped alike are one."""
    stopped = [lane for lane in lanes if lane.state != "free"]
    everything = [lane for lane in stopped if lane.endpoint == Endpoint.ALL]
    # Commerce is no part of Walmart.
    shown = everything + [lane for lane in stopped if lane.endpoint == Endpoint.COMMERCE]
    found: dict[tuple[str, str], Chip] = {}
    for lane in shown if everything else stopped:
        chip = _chip(lane)
        found.setdefault((chip.words, chip.reason), chip)
    return list(found.values()) or [Chip("good", "check", ALL)]


def _chip(lane: LaneHealthView) -> Chip:
    words, reason = STOPPED[lane.endpoint], REASONS.get(lane.reason or "", _PAUSED)
    if lane.state == "blocked":
        return Chip("bad", "warning", words, reason, since=lane.since)
    return Chip("warn", "clock", words, reason, until=lane.until)
