"""The promises of the outbox: requests, Waybill, Walmart and Commerce compared."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.orders.order import Order, Task
from app.domain.update import Kind, State
from app.storage.orders import repository
from tests.integration.outbox_harness import Environment, Pollers

_STATES = sa.text("""
    SELECT id, kind, target, subject, state, payload, in_doubt_until, finished_at FROM updates
     WHERE store_id = :store
     UNION ALL
    SELECT id, kind, target, subject, state, payload, NULL, finished_at FROM archived_updates
     WHERE store_id = :store
""")
_REFUNDS = sa.text("""
    SELECT f.update_id, f.items, f.landed_at IS NOT NULL AS landed, r.id AS return_id,
           r.return_order_id
      FROM refunds f JOIN returns r ON r.store_id = f.store_id AND r.id = f.return_id
     WHERE f.store_id = :store
""")


@dataclass
class Asked:
    """The accepted requests. sent: shipments with their keys. levels: the newest of each SKU."""

    sent: list[tuple[str, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    # By the update of each shipment: its line, its units, and every number requested for it.
    shipments: dict[UUID, tuple[str, int, list[str]]] = field(default_factory=dict)
    levels: dict[str, tuple[str, int]] = field(default_factory=dict)
    returns: list[str] = field(default_factory=list)
    # By return: the line and its units.
    back: list[tuple[str, int]] = field(default_factory=list)
    _levels: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def shipped(self, answer: dict[str, Any], line: str, units: int, number: str) -> None:
        self.shipments[UUID(answer["update"]["id"])] = (line, units, [number])

    def corrected(self, first: dict[str, Any], number: str) -> None:
        self.shipments[UUID(first["update"]["id"])][2].append(number)

    def next_level(self) -> int:
        """A level that was never set before."""
        return next(self._levels)


@dataclass
class WorldSnapshot:
    """The state of all sides at one moment; Waybill's is read first."""

    asked: Asked
    order: Order
    updates: dict[UUID, Any]
    refunds: list[Any]
    author: dict[str, Any]
    walmart: dict[str, Any]
    ledger: list[dict[str, Any]]
    stock: dict[str, int]
    shop: list[dict[str, Any]]

    @classmethod
    async def take(
        cls, environment: Environment, pollers: Pollers, asked: Asked, of: tuple[str, UUID]
    ) -> "WorldSnapshot":
        number, order_id = of
        values = {"store": pollers.store_id}
        async with environment.database.begin() as connection:
            known = await repository.load_many(connection, pollers.store_id, [order_id])
            states = {row.id: row for row in await connection.execute(_STATES, values)}
            refunds = list(await connection.execute(_REFUNDS, values))

        async def get(path: str) -> Any:
            return (await environment.walmart.get(f"/simulator/{path}")).json()

        ledger = (await get("ledger"))["entries"]
        connected = "commerce_order" in {row.kind for row in states.values()}
        return cls(
            asked=asked,
            order=known[order_id],
            updates=states,
            refunds=refunds,
            author=pollers.author,
            walmart=await get(f"orders/{number}"),
            ledger=ledger,
            # The last entry of each SKU is what Walmart has.
            stock={e["line"]: e["quantity"] for e in ledger if e["operation"] == "inventory"},
            shop=(await get(f"shops/s{number}"))["orders"] if connected else [],
        )

    def tasks(self, kind: Kind) -> list[Task]:
        return [task for task in self.order.tasks if task.kind is kind]

    def effects(self, operation: str) -> list[dict[str, Any]]:
        return [entry for entry in self.ledger if entry["operation"] == operation]

    def at_walmart(self, line: str, *statuses: str) -> int:
        shown = next(each for each in self.walmart["lines"] if each["line_number"] == line)
        return sum(u["quantity"] for u in shown["units"] if u["status"] in statuses)

    def returnable(self, line: str) -> int:
        """Shipped units of a line that the buyer has not returned yet."""
        if line not in {each["line_number"] for each in self.walmart["lines"]}:
            return 0
        shipped = self.at_walmart(line, "Shipped", "Refund")
        return shipped - self.asked_back(line)

    def asked_back(self, line: str) -> int:
        return sum(units for of, units in self.asked.back if of == line)

    def refund_in_doubt(self, return_id: str) -> bool:
        """Whether a refund of the return may still take effect."""
        return any(
            self.updates[each.update_id].in_doubt_until is not None
            for each in self.refunds
            if str(each.return_id) == return_id
        )

    def state(self, update_id: UUID | str) -> str:
        return str(self.updates[UUID(str(update_id))].state)

    def lost(self) -> list[str]:
        """Yield the requests that are unfulfilled once everything is at rest."""
        return [*_unsettled(self), *_lost_stock(self), *_lost_notes(self)]


def broken(snapshot: WorldSnapshot) -> list[str]:
    """Yield the promises that are broken at this moment, in words."""
    return [
        *_turns(snapshot),
        *_units(snapshot),
        *_lines(snapshot),
        *_numbers(snapshot),
        *_refunds(snapshot),
        *_stock(snapshot),
        *_acknowledged(snapshot),
        *_commerce(snapshot),
    ]


def _turns(snapshot: WorldSnapshot) -> Iterator[str]:
    sending = Counter(
        (each.target, each.subject) for each in snapshot.updates.values() if each.state == "sending"
    )
    yield from (f"{subject} is sent {n} times at once" for subject, n in sending.items() if n > 1)


def _units(snapshot: WorldSnapshot) -> Iterator[str]:
    """No unit is sent twice, and a unit that may still arrive belongs to no other update."""
    sent: Counter[tuple[UUID, str]] = Counter()
    by_line: Counter[str] = Counter()
    for entry in snapshot.effects("shipping"):
        author = snapshot.author[entry["correlation_id"]].id
        sent[author, entry["line"]] += entry["quantity"]
        by_line[entry["line"]] += entry["quantity"]
        if entry["tracking_number"] not in snapshot.asked.shipments[author][2]:
            yield f"{author} was sent under {entry['tracking_number']}"
    for (author, line), units in sent.items():
        asked = snapshot.asked.shipments[author]
        if asked[0] != line or units > asked[1]:
            yield f"{units} units of line {line} were sent for {author}, which requested {asked[1]}"
    for number in (each.line_number for each in snapshot.order.lines):
        items = [
            item
            for task in snapshot.tasks(Kind.SHIPMENT)
            for item in task.items
            if item.line_number == number
        ]
        there = by_line[number]
        if there > sum(item.confirmed + item.reserved for item in items):
            yield f"{there} units of line {number} are at Walmart, and fewer are held or confirmed"
        if sum(item.confirmed for item in items) > there:
            yield f"more than {there} units of line {number} are confirmed"
    for task in snapshot.tasks(Kind.SHIPMENT):
        whole = all(item.confirmed == item.quantity for item in task.items)
        if task.state is State.CONFIRMED and not whole:
            yield f"{task.update_id} is confirmed and incomplete"


def _lines(snapshot: WorldSnapshot) -> Iterator[str]:
    for line in snapshot.order.lines:
        number = line.line_number
        if line.shipped > snapshot.at_walmart(number, "Shipped", "Refund"):
            yield f"line {number}: {line.shipped} are shipped here, fewer at Walmart"
        if line.canceled > snapshot.at_walmart(number, "Cancelled"):
            yield f"line {number}: {line.canceled} are canceled here, fewer at Walmart"
        held = sum(
            item.reserved
            for task in snapshot.order.tasks
            for item in task.items
            if item.line_number == number
        )
        if line.pending != held:
            yield f"line {number}: {line.pending} are pending, {held} are held"
        if line.remaining < 0 or line.shipped + line.canceled > line.ordered:
            yield f"line {number} has {line.remaining} units left"


def _numbers(snapshot: WorldSnapshot) -> Iterator[str]:
    """A package whose numbers no other package shares is under its newest confirmed number.

    Refunded units have no number any more.
    """
    for update_id, (line, units, numbers) in snapshot.asked.shipments.items():
        shared = {
            number
            for other, (_, _, theirs) in snapshot.asked.shipments.items()
            if other != update_id
            for number in theirs
        }
        newest = [t for t in snapshot.tasks(Kind.TRACKING) if t.corrects == update_id][-1:]
        done = [t for t in newest if t.state is State.CONFIRMED]
        if not done or shared & set(numbers) or snapshot.state(update_id) != "confirmed":
            continue
        shown = next(each for each in snapshot.walmart["lines"] if each["line_number"] == line)
        there = sum(
            each["quantity"]
            for each in shown["units"]
            if each["status"] == "Refund" or each.get("tracking_number") == done[0].tracking_number
        )
        if there < units:
            yield f"{there} of {units} units are under the number {done[0].tracking_number}"


def _refunds(snapshot: WorldSnapshot) -> Iterator[str]:
    there: Counter[tuple[str, int]] = Counter()
    sent: Counter[tuple[UUID, tuple[str, int]]] = Counter()
    for entry in snapshot.effects("refund"):
        line_key = (entry["reference"], entry["reference_line"])
        there[line_key] += entry["quantity"]
        sent[snapshot.author[entry["correlation_id"]].id, line_key] += entry["quantity"]
    most: Counter[tuple[str, int]] = Counter()
    least: Counter[tuple[str, int]] = Counter()
    for each in snapshot.refunds:
        update = snapshot.updates[each.update_id]
        for item in each.items:
            line_key = (each.return_order_id, item["number"])
            if sent[each.update_id, line_key] > item["quantity"]:
                yield f"the refund {each.update_id} was paid twice"
            withdrawn = update.state == "dismissed" and update.in_doubt_until is None
            most[line_key] += 0 if withdrawn and not each.landed else item["quantity"]
            least[line_key] += item["quantity"] if update.state == "confirmed" else 0
    for line_key in {*there, *most, *least}:
        if not least[line_key] <= there[line_key] <= most[line_key]:
            yield f"{there[line_key]} refunded of {line_key}: not {least[line_key]} to {most[line_key]}"


def _stock(snapshot: WorldSnapshot) -> Iterator[str]:
    for sku, (update_id, units) in snapshot.asked.levels.items():
        if snapshot.state(update_id) == "confirmed" and snapshot.stock.get(sku) != units:
            yield f"{units} of {sku} are confirmed, and Walmart has {snapshot.stock.get(sku)}"


def _acknowledged(snapshot: WorldSnapshot) -> Iterator[str]:
    confirmed = any(t.state is State.CONFIRMED for t in snapshot.tasks(Kind.ACKNOWLEDGEMENT))
    for line in snapshot.order.lines:
        if confirmed and snapshot.at_walmart(line.line_number, "Created"):
            yield f"line {line.line_number} is not acknowledged"


def _commerce(snapshot: WorldSnapshot) -> Iterator[str]:
    if len(snapshot.shop) > 1:
        yield f"Commerce has the order {len(snapshot.shop)} times"
    least, most = _notes(snapshot)
    for text, times in _written(snapshot).items():
        if not least[text] <= times <= most[text]:
            yield f"the note {text} is in Commerce {times} times"


def _notes(snapshot: WorldSnapshot) -> tuple[Counter[str], Counter[str]]:
    """The least and the greatest number of copies of each note that Commerce may have.

    An order that is created in Commerce later already contains what happened before.
    """
    least: Counter[str] = Counter()
    most: Counter[str] = Counter()
    made = [each.finished_at for each in snapshot.updates.values() if each.kind == "commerce_order"]
    for each in snapshot.updates.values():
        if each.kind == "commerce_note":
            confirmed = each.state == "confirmed"
            before = confirmed and any(at and each.finished_at < at for at in made)
            most[each.payload["text"]] += 1
            least[each.payload["text"]] += confirmed and not before
    return least, most


def _written(snapshot: WorldSnapshot) -> Counter[str]:
    return Counter(each["comment"] for order in snapshot.shop for each in order["status_histories"])


def _unsettled(snapshot: WorldSnapshot) -> Iterator[str]:
    for line in snapshot.order.lines:
        number = line.line_number
        if line.shipped != snapshot.at_walmart(number, "Shipped", "Refund"):
            yield f"line {number}: {line.shipped} are shipped here, not so at Walmart"
        if line.canceled != snapshot.at_walmart(number, "Cancelled"):
            yield f"line {number}: {line.canceled} are canceled here, not so at Walmart"
    for task in snapshot.tasks(Kind.CANCELLATION):
        still = any(
            snapshot.at_walmart(x.line_number, "Acknowledged") for x in snapshot.order.lines
        )
        if task.state is State.CONFIRMED and still:
            yield f"{task.update_id} is confirmed, and units are open"


def _lost_stock(snapshot: WorldSnapshot) -> Iterator[str]:
    for sku, (update_id, units) in snapshot.asked.levels.items():
        over = snapshot.state(update_id) in {"failed", "dismissed"}
        if not over and snapshot.stock.get(sku) != units:
            yield f"{sku}: {snapshot.stock.get(sku)} instead of {units}"


def _lost_notes(snapshot: WorldSnapshot) -> Iterator[str]:
    least, _ = _notes(snapshot)
    written = _written(snapshot)
    for text, times in least.items():
        if snapshot.shop and written[text] < times:
            yield f"the note {text} is there {written[text]} times, not {times}"
