"""An order, its lines and what is under way for it: what every rule looks at."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
    """An amount in a currency (ISO 4217), exact."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of the order. All quantities are whole units.

    shipped, canceled and refunded are what Walmart has said; pending is what Waybill has
    accepted and Walmart has not confirmed. shipped + canceled + pending never exceed ordered.
    """

    line_number: str
    sku: str
    ordered: int
    pending: int = 0
    shipped: int = 0
    canceled: int = 0
    refunded: int = 0
    name: str | None = None
    commerce_item_id: int | None = None
    unit_price: Money | None = None

    @property
    def remaining(self) -> int:
        """Units nobody has asked to ship or cancel yet."""
        return self.ordered - self.pending - self.shipped - self.canceled


@dataclass(frozen=True, slots=True)
class Item:
    """The units of one line that an update is about.

    quantity was asked; confirmed of them Walmart shows; reserved of them are still held
    back from other shipments (they count as the line's pending).
    """

    line_number: str
    quantity: int
    confirmed: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """An update of the order as the rules see it: a shipment, a cancellation, and so on."""

    update_id: UUID
    kind: Kind
    state: State
    sequence: int
    items: tuple[Item, ...] = ()
    tracking_number: str | None = None
    # The number a tracking correction replaces (Kind.TRACKING only).
    previous_tracking_number: str | None = None
    # The shipment's update that a tracking correction is about, what is sent, and whether a
    # read can show it (Kind.TRACKING only).
    corrects: UUID | None = None
    package: Mapping[str, object] | None = None
    recognisable: bool = True
    reason: str | None = None
    override_cancel_request: bool = False
    # From when a read may end the doubt whether an earlier try takes effect; None: no doubt.
    in_doubt_until: datetime | None = None
    # When Walmart's confirmation was last written down (not of an acknowledgement or a refund).
    confirmed_at: datetime | None = None

    def in_doubt(self, read_at: datetime) -> bool:
        """Whether a read that began then cannot show yet that a try had no effect."""
        return in_doubt_at(self.in_doubt_until, read_at)

    @property
    def unresolved(self) -> bool:
        """Not at rest, failed, or still holding back units that Walmart has not been seen with."""
        return self.state in UNRESOLVED or any(item.reserved for item in self.items)


@dataclass(frozen=True, slots=True)
class Link:
    """Which order of Commerce's an order is. items: its line numbers to Commerce's item ids."""

    number: str
    entity_id: int
    items: Mapping[str, int]


class FulfillmentStatus(StrEnum):
    """How far the order is, by what Walmart has said of its units."""

    OPEN = "open"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    CANCELED = "canceled"


ERROR = "error"


@dataclass(frozen=True, slots=True)
class Order:
    """A Walmart purchase order as Waybill knows it, with every update that holds units of it."""

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
    # When Walmart's word was last written down; None before the first time.
    last_synced_at: datetime | None = None
    # Walmart's own warehouses ship it (WFS): it is shown, and nothing is sent.
    fulfilled_by_walmart: bool = False
    # Walmart lists it, and its lines could not be read.
    unreadable: bool = False
    # Commerce told something of it that Walmart could not be told.
    commerce_refused: bool = False

    def line(self, line_number: str) -> OrderLine | None:
        """The line of that number, if the order has it."""
        return next((line for line in self.lines if line.line_number == line_number), None)

    def task(self, update_id: UUID) -> Task | None:
        """The update of that id, if it is one of this order's."""
        return next((task for task in self.tasks if task.update_id == update_id), None)

    @property
    def walmart_tasks(self) -> tuple[Task, ...]:
        """What Walmart is told; Commerce's queue is another, and nobody here waits for it."""
        return tuple(task for task in self.tasks if task.kind not in COMMERCE_KINDS)

    @property
    def next_sequence(self) -> int:
        """The place of the next update in the order's queue."""
        return max((task.sequence for task in self.tasks), default=0) + 1

    def unresolved(self, kind: Kind) -> tuple[Task, ...]:
        """Updates of a kind whose units are still held back, oldest first."""
        return tuple(task for task in self.tasks if task.kind is kind and task.unresolved)

    @property
    def fulfillment_status(self) -> FulfillmentStatus:
        """How far Walmart says the order is."""
        return fulfillment_status(self.lines)

    @property
    def seller_order_id(self) -> str:
        """The number Walmart shows the seller: Commerce's, else the purchase order's, cut at 30."""
        return (self.commerce_order_number or self.purchase_order_id)[:30]


def fulfillment_status(lines: Iterable[OrderLine]) -> FulfillmentStatus:
    """Derive the order's progress from its lines (contract, Orders)."""
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
    """What the order's badge says: its progress, or error while something about it failed."""
    return ERROR if failed else fulfillment.value


class SyncState(StrEnum):
    """Whether Walmart knows everything that Commerce has said about the order."""

    SYNCED = "synced"
    PENDING = "pending"
    RETRYING = "retrying"
    ERROR = "error"


def sync_state(states: Mapping[State, int]) -> SyncState:
    """The worst of the order's updates, given how many are in each state."""
    if states.get(State.FAILED):
        return SyncState.ERROR
    if states.get(State.RETRYING) or states.get(State.VERIFYING):
        return SyncState.RETRYING
    return SyncState.PENDING if any(states.get(state) for state in OPEN) else SyncState.SYNCED


def closed_problems(order: Order) -> Iterator[Problem]:
    """Why an order can be neither shipped nor canceled here, whatever is asked of it."""
    if order.fulfilled_by_walmart:
        yield Problem(
            "fulfilled_by_walmart",
            "Walmart's own warehouses ship this order (WFS); it is shown here and nothing is sent.",
            conflict=True,
        )
    if order.unreadable:
        yield Problem(
            "order_unreadable",
            "Walmart's picture of this order could not be read: see its status_details, then "
            "POST /v1/orders/import once it is mended.",
            conflict=True,
        )
