"""The order: its lines, and the updates that hold units of it. Every rule takes this model."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.domain.errors import Problem
from app.domain.outbox.doubt import in_doubt_at
from app.domain.update import COMMERCE_KINDS, OPEN, UNRESOLVED, Kind, State

# Walmart's guide "Acknowledge a created order".
ACKNOWLEDGE_WITHIN = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of the order, in whole units. shipped + canceled + pending never exceed ordered."""

    line_number: str
    sku: str
    ordered: int
    pending: int = 0
    """Units that Waybill has accepted and Walmart has not confirmed."""
    shipped: int = 0
    """Confirmed by Walmart, as canceled and refunded are."""
    canceled: int = 0
    refunded: int = 0
    name: str | None = None
    commerce_item_id: int | None = None
    unit_price: Money | None = None
    other_charges: Decimal | None = None
    """What the line costs beside its units, without tax. None means that no charges were read."""
    commerce_items: Mapping[int, int] = field(default_factory=dict)
    """How many of each item of a composite product are in one unit, beside commerce_item_id."""

    @property
    def items_per_unit(self) -> Mapping[int, int]:
        """How many of each Commerce item are in one unit. Empty means that the line is not linked.

        commerce_item_id counts once, unless commerce_items has it too.
        """
        only = {} if self.commerce_item_id is None else {self.commerce_item_id: 1}
        return {**only, **self.commerce_items}

    @property
    def remaining(self) -> int:
        """Units that no shipment and no cancellation has taken."""
        return self.ordered - self.pending - self.shipped - self.canceled


@dataclass(frozen=True, slots=True)
class Item:
    """The units of one line that an update is about."""

    line_number: str
    quantity: int
    """Units that the update asks for."""
    confirmed: int = 0
    """Of these, units that Walmart shows."""
    reserved: int = 0
    """Of these, units that no other update may take; they count as pending of the line."""


@dataclass(frozen=True, slots=True)
class Task:
    """An update as the rules of an order use it: a shipment, a cancellation, and so on."""

    update_id: UUID
    kind: Kind
    state: State
    sequence: int
    items: tuple[Item, ...] = ()
    tracking_number: str | None = None
    previous_tracking_number: str | None = None
    """The number that a tracking correction replaces."""
    corrects: UUID | None = None
    """The update of the shipment that a tracking correction is about."""
    package: Mapping[str, object] | None = None
    """What a tracking correction sends."""
    recognisable: bool = True
    """A read can show the tracking correction."""
    reason: str | None = None
    override_cancel_request: bool = False
    in_doubt_until: datetime | None = None
    """When a read may end the doubt. None means that there is none."""
    confirmed_at: datetime | None = None
    """When Walmart's confirmation was recorded last (not of an acknowledgement or a refund)."""
    commerce_items: Mapping[int, int] = field(default_factory=dict)
    """Quantities of the Commerce items in a shipment of composite products, by item. Empty where
    the request names lines or SKUs, or no composite product."""
    failure: str | None = None
    """Why the update is failed, and what a person can do. None means that it is not failed."""
    shipment_number: int | None = None
    """The number of a shipment in its store."""

    def in_doubt(self, read_at: datetime) -> bool:
        """Whether a read that began at read_at is too early to show that a try had no effect."""
        return in_doubt_at(self.in_doubt_until, read_at)

    @property
    def unresolved(self) -> bool:
        """Whether the update is open or failed, or still holds reserved units."""
        return self.state in UNRESOLVED or any(item.reserved for item in self.items)


@dataclass(frozen=True, slots=True)
class Link:
    """The Commerce order that corresponds to an order."""

    number: str
    entity_id: int
    items: Mapping[str, int]
    """Line numbers to Commerce item ids."""


class FulfillmentStatus(StrEnum):
    """The progress of an order, from the units that Walmart has confirmed."""

    OPEN = "open"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    CANCELED = "canceled"


ERROR = "error"


@dataclass(frozen=True, slots=True)
class Order:
    """A Walmart purchase order as Waybill stores it, with every update that holds units of it."""

    id: UUID
    store_id: int
    purchase_order_id: str
    lines: tuple[OrderLine, ...]
    tasks: tuple[Task, ...] = ()
    customer_order_id: str | None = None
    commerce_order_number: str | None = None
    commerce_order_id: int | None = None
    ordered_at: datetime | None = None
    ship_method: str | None = None
    cancel_requested: tuple[str, ...] = ()
    """Numbers of the lines that the buyer asked to cancel."""
    last_synced_at: datetime | None = None
    """When a read was recorded last. None means never."""
    fulfilled_by_walmart: bool = False
    """Walmart's own warehouses ship the order (WFS): Waybill shows it and sends nothing."""
    unreadable: bool = False
    """Walmart lists the order, but its lines could not be read."""
    commerce_refused: bool = False
    """An event of Commerce's about the order could not be sent to Walmart."""
    later_parts: Mapping[int, int] = field(default_factory=dict)
    """Quantities of the Commerce items of shipments that added parts to units sent before."""

    def line(self, line_number: str) -> OrderLine | None:
        """Return the line with this number. None means that the order has no such line."""
        return next((line for line in self.lines if line.line_number == line_number), None)

    def task(self, update_id: UUID) -> Task | None:
        """Return the update with this id. None means that the order has no such update."""
        return next((task for task in self.tasks if task.update_id == update_id), None)

    @property
    def walmart_tasks(self) -> tuple[Task, ...]:
        """The updates for Walmart. Commerce has a queue of its own, which delays none of these."""
        return tuple(task for task in self.tasks if task.kind not in COMMERCE_KINDS)

    @property
    def sending(self) -> bool:
        """Whether a poller is delivering an update of the order to Walmart right now."""
        return any(task.state is State.SENDING for task in self.walmart_tasks)

    @property
    def next_sequence(self) -> int:
        """The sequence number of the next update in the order's queue."""
        return max((task.sequence for task in self.tasks), default=0) + 1

    def unresolved(self, kind: Kind) -> tuple[Task, ...]:
        """Return the unresolved updates of a kind, oldest first."""
        return tuple(task for task in self.tasks if task.kind is kind and task.unresolved)

    @property
    def fulfillment_status(self) -> FulfillmentStatus:
        """The progress of the order."""
        return fulfillment_status(self.lines)

    @property
    def seller_order_id(self) -> str:
        """The number that Walmart shows the seller: Commerce's or its own, cut at 30."""
        return (self.commerce_order_number or self.purchase_order_id)[:30]


def fulfillment_status(lines: Iterable[OrderLine]) -> FulfillmentStatus:
    """Derive the progress of an order from its lines (contract, Orders)."""
    ordered = shipped = canceled = 0
    for line in lines:
        ordered += line.ordered
        shipped += line.shipped
        canceled += line.canceled
    if ordered and canceled >= ordered:
        return FulfillmentStatus.CANCELED
    if shipped and shipped + canceled >= ordered:
        return FulfillmentStatus.SHIPPED
    return FulfillmentStatus.PARTIALLY_SHIPPED if shipped else FulfillmentStatus.OPEN


def status(fulfillment: FulfillmentStatus, *, failed: bool) -> str:
    """Return the status that the API shows: the progress, or error while an update is failed."""
    return ERROR if failed else fulfillment.value


class SyncState(StrEnum):
    """Whether every update of an order has arrived."""

    SYNCED = "synced"
    PENDING = "pending"
    RETRYING = "retrying"
    ERROR = "error"


def sync_state(states: Mapping[State, int]) -> SyncState:
    """Return the worst state of an order's updates, given how many are in each state."""
    if states.get(State.FAILED):
        return SyncState.ERROR
    if states.get(State.RETRYING) or states.get(State.VERIFYING):
        return SyncState.RETRYING
    return SyncState.PENDING if any(states.get(state) for state in OPEN) else SyncState.SYNCED


def closed_problems(order: Order) -> Iterator[Problem]:
    """Return the problems of an order that can be neither shipped nor canceled here."""
    if order.fulfilled_by_walmart:
        yield Problem(
            "fulfilled_by_walmart",
            "Walmart's own warehouses ship this order (WFS); it is shown here and nothing is sent.",
            conflict=True,
        )
    if order.unreadable:
        yield Problem(
            "order_unreadable",
            "Walmart's answer for this order could not be read: see its status_details, then "
            "POST /v1/orders/import once Walmart answers correctly.",
            conflict=True,
        )
