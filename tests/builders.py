"""Builders of orders, lines and snapshots with defaults: a test names only what it is about."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from app.domain.ids import new_id
from app.domain.orders.order import Item, Order, OrderLine, Task
from app.domain.orders.requests import RequestedItem, ShipRequest
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot, Units, UnitStatus
from app.domain.outbox.claimed_update import Claimed
from app.domain.update import Kind, State

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PURCHASE_ORDER = "1796330120075"


def an_id(store_id: int = 1) -> UUID:
    return new_id(store_id, int(NOW.timestamp() * 1000), uuid4().int & ((1 << 64) - 1))


def a_line(number: str = "1", ordered: int = 3, **changes: object) -> OrderLine:
    given = {"line_number": number, "sku": f"SKU-{number}", "ordered": ordered, **changes}
    return OrderLine(**given)  # type: ignore[arg-type]


def an_order(*lines: OrderLine, **changes: object) -> Order:
    given = {
        "id": an_id(),
        "store_id": 1,
        "purchase_order_id": PURCHASE_ORDER,
        "lines": lines or (a_line(),),
        **changes,
    }
    return Order(**given)  # type: ignore[arg-type]


def a_ship_request(**changes: object) -> ShipRequest:
    given: dict[str, object] = {
        "carrier_code": "ups",
        "tracking_number": "1Z999AA10123456784",
        **changes,
    }
    return ShipRequest(**given)  # type: ignore[arg-type]


def a_package(tracking_number: str, **changes: object) -> ShipRequest:
    return a_ship_request(tracking_number=tracking_number, **changes)


def items(**units: int) -> tuple[RequestedItem, ...]:
    """Items by line number, as in `items(l1=2)` for two units of line 1."""
    return tuple(RequestedItem(count, line_number=name[1:]) for name, count in units.items())


def a_task(
    *held: Item,
    kind: Kind = Kind.SHIPMENT,
    state: State = State.PENDING,
    sequence: int = 1,
    tracking_number: str | None = "1Z999AA10123456784",
    **changes: object,
) -> Task:
    given = {
        "update_id": an_id(),
        "kind": kind,
        "state": state,
        "sequence": sequence,
        "items": held,
        "tracking_number": tracking_number if kind is Kind.SHIPMENT else None,
        **changes,
    }
    return Task(**given)  # type: ignore[arg-type]


def a_claim(**changes: object) -> Claimed:
    given: dict[str, object] = {
        "store_id": 1,
        "id": an_id(),
        "order_id": an_id(),
        "kind": Kind.SHIPMENT,
        "subject": "1",
        "payload": {},
        "attempts": 1,
        "retries": 0,
        "reads": 0,
        "ambiguous": False,
        "in_doubt_until": None,
        "faults": 0,
        "failing_for": 0.0,
        "failing_since": None,
        "created_at": NOW,
        "lease_token": an_id(),
        "leased_until": NOW + timedelta(seconds=90),
        "claimed_from": State.PENDING,
        "claimed_at": NOW,
        **changes,
    }
    return Claimed(**given)  # type: ignore[arg-type]


def a_snapshot(lines: Mapping[str, tuple[Units, ...]], **changes: object) -> OrderSnapshot:
    seen = {
        number: LineSnapshot(number, f"SKU-{number}", sum(u.quantity for u in units), units)
        for number, units in lines.items()
    }
    return OrderSnapshot(PURCHASE_ORDER, seen, **changes)  # type: ignore[arg-type]


def shipped(quantity: int, tracking_number: str = "1Z999AA10123456784") -> Units:
    return Units(UnitStatus.SHIPPED, quantity, tracking_number, "UPS")


def acknowledged(quantity: int) -> Units:
    return Units(UnitStatus.ACKNOWLEDGED, quantity)


def created(quantity: int) -> Units:
    return Units(UnitStatus.CREATED, quantity)


def canceled(quantity: int) -> Units:
    return Units(UnitStatus.CANCELLED, quantity)
