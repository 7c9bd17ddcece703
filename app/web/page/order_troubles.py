"""The troubles of an order: each status detail with its words, its one fix, and other ways out."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from app.domain.update import DUE
from app.storage.queries.views import OrderView, StatusDetail, UpdateView
from app.usecases.apply_fix import OF_UPDATES
from app.web.page import words
from app.web.page.i18n import deferred
from app.web.page.said import Leads, Said
from app.web.page.viewer import Viewer

_DUE: Final = {str(each) for each in DUE}
_CLOCK: Final = {"ship_by_near", "ship_by_passed"}
_FAILED_TITLES: Final[Mapping[str, str]] = {
    "shipment": deferred("Package %(number)s did not reach Walmart"),
    "tracking": deferred("The correction of package %(number)s did not reach Walmart"),
    "cancellation": deferred("The cancellation did not reach Walmart"),
    "refund": deferred("A refund did not reach Walmart"),
    "acknowledgement": deferred("Walmart does not know that you have this order"),
    "inventory": deferred("A stock level did not reach Walmart"),
    "commerce_order": deferred("The order is not in Commerce"),
    "commerce_note": deferred("A note did not reach Commerce"),
    "import": deferred("Waybill cannot read this order"),
}
_WAITING_TITLES: Final[Mapping[str, str]] = {
    "shipment": deferred("Package %(number)s waits for Walmart"),
    "tracking": deferred("The correction of package %(number)s waits for Walmart"),
    "cancellation": deferred("The cancellation waits for Walmart"),
    "refund": deferred("A refund waits for Walmart"),
    "acknowledgement": deferred("The confirmation of this order waits for Walmart"),
    "inventory": deferred("A stock level waits for Walmart"),
    "commerce_order": deferred("The order waits for Commerce"),
    "commerce_note": deferred("A note waits for Commerce"),
}
_EVENT: Final = deferred("A change in Commerce did not reach Walmart")
_EVENT_WAITS: Final = deferred("A change in Commerce waits")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A status detail as the page shows it."""

    detail: StatusDetail
    said: Said
    title: str
    waits: bool
    """Waybill tries again by itself."""
    update: UpdateView | None
    event_id: str | None
    """The event of Commerce that it is about."""
    shipment_id: UUID | None

    @property
    def quoted(self) -> bool:
        """Whether the other system's own words help."""
        # What was refused of Commerce's is said by Waybill itself.
        own = self.detail.origin == "waybill" or self.event_id is not None
        # Of an unclear answer as well.
        own = own or self.detail.code in ("walmart_unclear", "commerce_unclear")
        return not own and bool(self.detail.message)

    @property
    def at_once(self) -> bool:
        """Whether one press applies the fix, since nothing is to be decided or entered."""
        fix = self.detail.fix
        return (
            fix is not None
            and fix.action in OF_UPDATES - {"dismiss"}
            and not fix.needs
            and "override_cancel_request" not in fix.changes
        )

    @property
    def changes(self) -> str:
        """The changes of the fix, for a hidden field."""
        return json.dumps(self.detail.fix.changes if self.detail.fix else {})

    @property
    def leads(self) -> str:
        """Where the button leads: fix, event, import, store, ship, retry, or outside."""
        fix = self.detail.fix
        if fix is None or fix.action in OF_UPDATES:
            own = Leads.FIX if fix is not None else self.said.leads
            return str(own)
        return {
            "retry_event": "event",
            "dismiss_event": "event",
            "import_order": "import",
            "ship": "ship",
        }.get(fix.action, "store")


def troubles(order: OrderView, updates: Mapping[UUID, UpdateView], viewer: Viewer) -> list[Trouble]:
    """The troubles of an order; what needs a person comes first."""
    found = [_trouble(order, updates, each, viewer) for each in _shown(order)]
    return sorted(found, key=lambda each: each.waits)


def _shown(order: OrderView) -> Iterator[StatusDetail]:
    """The details beside the warnings of the ship-by date, which has a clock of its own."""
    yield from (each for each in order.status_details if each.code not in _CLOCK)


def _trouble(
    order: OrderView, updates: Mapping[UUID, UpdateView], detail: StatusDetail, viewer: Viewer
) -> Trouble:
    update = updates.get(detail.update_id) if detail.update_id else None
    event = detail.links.get("event")
    waits = update is not None and update.state in _DUE
    number, shipment_id = _package(order, update)
    return Trouble(
        detail=detail,
        said=words.said(detail, viewer),
        title=_title(detail, viewer, number, event=event is not None, waits=waits),
        waits=waits or (event is not None and detail.fix is None and _waiting(detail)),
        update=update,
        event_id=event.rpartition("/")[2] if event else None,
        shipment_id=shipment_id,
    )


def _waiting(detail: StatusDetail) -> bool:
    return detail.code in {"shipment_not_told", "order_not_linked"}


def _title(
    detail: StatusDetail, viewer: Viewer, number: int | str, *, event: bool, waits: bool
) -> str:
    if event:
        return viewer.gettext(_EVENT_WAITS if _waiting(detail) else _EVENT)
    titles = _WAITING_TITLES if waits else _FAILED_TITLES
    text = titles.get(detail.operation, _FAILED_TITLES["shipment"])
    return " ".join(viewer.gettext(text, number=number).split())


def _package(order: OrderView, update: UpdateView | None) -> tuple[int | str, UUID | None]:
    """The number of the package in its order, and its id."""
    if update is not None:
        for number, each in enumerate(order.shipments, start=1):
            if each.update.id in {update.id, update.corrects}:
                return number, each.id
    return "", None


def sent_values(detail: StatusDetail) -> dict[str, Any] | None:
    """The refused value and the one that would do, where both are known."""
    sent, expected = detail.params.get("sent"), detail.params.get("expected")
    if not sent or not expected:
        return None
    return {"change": detail.params.get("change"), "sent": sent, "expected": expected}
