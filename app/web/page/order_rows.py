"""What a list says about an order: its status, when it must leave, what is wrong and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.storage.queries.views import OrderView, StatusDetail
from app.web.page import words
from app.web.page.context import PageContext
from app.web.page.i18n import deferred
from app.web.page.said import Leads, Said

_SOON: Final = timedelta(days=1)
_UNSHIPPED: Final = ("open", "partially_shipped")
# Said by the column of the ship-by date.
_CLOCK: Final = frozenset({"ship_by_near", "ship_by_passed"})


@dataclass(frozen=True, slots=True)
class StatusWords:
    """A status as a pill, in the parameters of the macro."""

    tone: str
    icon: str
    text: str


STATUSES: Final[Mapping[str, StatusWords]] = {
    "open": StatusWords("", "circle", deferred("Open")),
    "partially_shipped": StatusWords("busy", "half", deferred("Partially shipped")),
    "shipped": StatusWords("good", "check", deferred("Shipped")),
    "canceled": StatusWords("", "canceled", deferred("Canceled")),
    "error": StatusWords("bad", "warning", deferred("Error")),
}


@dataclass(frozen=True, slots=True)
class RowAction:
    """The one thing to do about an order."""

    text: str
    href: str
    drawer: bool = True
    key: str = ""
    """The key of the keyboard that does it in the present row."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A row of the list."""

    order: OrderView
    strong: str = ""
    """What is wrong, in a sentence."""
    tone: str = ""
    text: str = ""
    action: RowAction | None = None

    @property
    def status(self) -> StatusWords:
        """The pill."""
        return STATUSES[self.order.status]

    @property
    def unshipped(self) -> bool:
        """Whether the ship-by date still matters."""
        return self.order.fulfillment_status in _UNSHIPPED

    def ship_by_tone(self, now: datetime) -> str:
        """Bad for a passed ship-by date, warn within a day."""
        if not self.unshipped or self.order.ship_by is None:
            return ""
        if self.order.ship_by < now:
            return "bad"
        return "warn" if self.order.ship_by < now + _SOON else ""

    @property
    def left_in_time(self) -> bool | None:
        """Whether the last package left before the ship-by date. None means: not known."""
        left = [each.shipped_at for each in self.order.shipments if each.state == "confirmed"]
        if self.order.fulfillment_status != "shipped" or not left or self.order.ship_by is None:
            return None
        return max(left) <= self.order.ship_by


def row_of(order: OrderView, page: PageContext) -> OrderRow:
    """The row of an order for a person."""
    trouble = [each for each in order.status_details if each.code not in _CLOCK]
    if trouble and (order.status == "error" or order.sync.state != "synced"):
        return _of_trouble(order, trouble[0], page)
    asked = order.cancel_requested is not None and order.fulfillment_status in _UNSHIPPED
    if asked:
        answer = RowAction(
            page.viewer.gettext("Answer"), page.link(f"/orders/{order.id}"), drawer=False
        )
        text = page.viewer.gettext("The buyer asks to cancel.")
        return OrderRow(order, text, "warn", action=answer if page.may("write") else None)
    if trouble:
        return _of_trouble(order, trouble[0], page)
    return OrderRow(order, text=_progress(order, page), action=_ship(order, page))


def _of_trouble(order: OrderView, detail: StatusDetail, page: PageContext) -> OrderRow:
    said = words.said(detail, page.viewer)
    tone = "bad" if order.status == "error" else ""
    action = _action(order, detail, said, page) if page.may("write") else None
    return OrderRow(order, said.sentence, tone, "" if action else said.todo, action)


def _action(
    order: OrderView, detail: StatusDetail, said: Said, page: PageContext
) -> RowAction | None:
    own = f"/orders/{order.id}"
    waits = order.status != "error" and detail.update_id is not None
    if waits and not (said.leads is Leads.STORE and page.may("admin")):
        # It is tried again by itself.
        return None
    places: Mapping[Leads, str] = {
        Leads.FIX: _of_update("fix", detail.update_id, own),
        Leads.RETRY: _of_update("retry", detail.update_id, own),
        Leads.SHIP: f"{own}/ship",
        Leads.STORE: f"/stores/{order.store_id}" if page.may("admin") else own,
        Leads.RETURNS: "/returns",
    }
    href = places.get(said.leads, own)
    return RowAction(
        said.button, page.link(href), drawer=href.endswith(("/fix", "/retry", "/ship"))
    )


def _of_update(act: str, update_id: UUID | None, otherwise: str) -> str:
    return f"/updates/{update_id}/{act}" if update_id is not None else otherwise


def _progress(order: OrderView, page: PageContext) -> str:
    """Where the units of an order are, in a sentence or two."""
    viewer = page.viewer
    if order.fulfilled_by == "walmart":
        return viewer.gettext("Walmart ships this one.")
    said = []
    pending = sum(line.quantity.pending for line in order.lines)
    remaining = sum(line.quantity.remaining for line in order.lines)
    if pending:
        said.append(
            viewer.ngettext(
                "%(num)d unit is on its way to Walmart.",
                "%(num)d units are on their way to Walmart.",
                pending,
            )
        )
    if remaining and order.fulfillment_status in _UNSHIPPED:
        none = order.fulfillment_status == "open" and not pending
        said.append(
            viewer.gettext("Nothing shipped yet.")
            if none
            else viewer.ngettext(
                "%(num)d unit still to ship.", "%(num)d units still to ship.", remaining
            )
        )
    if order.return_requested is not None:
        count = order.return_requested.count
        said.append(viewer.ngettext("%(num)d return is open.", "%(num)d returns are open.", count))
    return " ".join(said)


def _ship(order: OrderView, page: PageContext) -> RowAction | None:
    remaining = sum(line.quantity.remaining for line in order.lines)
    may = page.may("write") and order.fulfilled_by != "walmart"
    if not may or not remaining or order.fulfillment_status not in _UNSHIPPED:
        return None
    return RowAction(page.viewer.gettext("Ship…"), page.link(f"/orders/{order.id}/ship"), key="s")
