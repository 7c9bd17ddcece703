"""What was asked, what Waybill says, what Walmart and Commerce have: and where they disagree."""

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
from tests.integration.outbox_harness import Ground, Pollers

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
    """What was accepted. sent: shipments with their keys. levels: the newest of each SKU."""

    sent: list[tuple[str, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    # Of each shipment's update: its line, its units, and every number that was asked for it.
    shipments: dict[UUID, tuple[str, int, list[str]]] = field(default_factory=dict)
    levels: dict[str, tuple[str, int]] = field(default_factory=dict)
    returns: list[str] = field(default_factory=list)
    # Of each return: the line, and units of it.
    back: list[tuple[str, int]] = field(default_factory=list)
    _levels: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def shipped(self, answer: dict[str, Any], line: str, units: int, number: str) -> None:
        self.shipments[UUID(answer["update"]["id"])] = (line, units, [number])

    def corrected(self, first: dict[str, Any], number: str) -> None:
        self.shipments[UUID(first["update"]["id"])][2].append(number)

    def next_level(self) -> int:
        """A level that was never put before."""
        return next(self._levels)


@dataclass
class Picture:
    """Everything at one moment; what Waybill says was read first."""

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
        cls, ground: Ground, pollers: Pollers, asked: Asked, of: tuple[str, UUID]
    ) -> "Picture":
        number, order_id = of
        values = {"store": pollers.store_id}
        async with ground.database.begin() as connection:
            known = await repository.load_many(connection, pollers.store_id, [order_id])
            states = {row.id: row for row in await connection.execute(_STATES, values)}
            refunds = list(await connection.execute(_REFUNDS, values))

        async def get(path: str) -> Any:
            return (await ground.walmart.get(f"/simulator/{path}")).json()

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
        """Shipped units of a line that the buyer has not sent back yet."""
        if line not in {each["line_number"] for each in self.walmart["lines"]}:
            return 0
        gone = self.at_walmart(line, "Shipped", "Refund")
        return gone - self.asked_back(line)

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
        """What is not as it was asked once everything has come to rest."""
        return [*_unsettled(self), *_lost_stock(self), *_lost_notes(self)]


def broken(picture: Picture) -> list[str]:
    """Promises that are broken at this moment, in words."""
    return [
        *_turns(picture),
        *_units(picture),
        *_lines(picture),
        *_numbers(picture),
        *_refunds(picture),
        *_stock(picture),
        *_acknowledged(picture),
        *_commerce(picture),
    ]


def _turns(picture: Picture) -> Iterator[str]:
    sending = Counter(
        (each.target, each.subject) for each in picture.updates.values() if each.state == "sending"
    )
    yield from (f"{subject} is sent {n} times at once" for subject, n in sending.items() if n > 1)


def _units(picture: Picture) -> Iterator[str]:
    """Nothing is sent twice, and what may arrive belongs to nobody else."""
    sent: Counter[tuple[UUID, str]] = Counter()
    by_line: Counter[str] = Counter()
    for entry in picture.effects("shipping"):
        author = picture.author[entry["correlation_id"]].id
        sent[author, entry["line"]] += entry["quantity"]
        by_line[entry["line"]] += entry["quantity"]
        if entry["tracking_number"] not in picture.asked.shipments[author][2]:
            yield f"{author} left under {entry['tracking_number']}"
    for (author, line), units in sent.items():
        asked = picture.asked.shipments[author]
        if asked[0] != line or units > asked[1]:
            yield f"{units} units of line {line} left for {author}, which asked for {asked[1]}"
    for number in (each.line_number for each in picture.order.lines):
        items = [
            item
            for task in picture.tasks(Kind.SHIPMENT)
            for item in task.items
            if item.line_number == number
        ]
        there = by_line[number]
        if there > sum(item.confirmed + item.reserved for item in items):
            yield f"{there} units of line {number} are there, and fewer are held or confirmed"
        if sum(item.confirmed for item in items) > there:
            yield f"more than {there} units of line {number} are confirmed"
    for task in picture.tasks(Kind.SHIPMENT):
        whole = all(item.confirmed == item.quantity for item in task.items)
        if task.state is State.CONFIRMED and not whole:
            yield f"{task.update_id} is confirmed and not whole"


def _lines(picture: Picture) -> Iterator[str]:
    for line in picture.order.lines:
        number = line.line_number
        if line.shipped > picture.at_walmart(number, "Shipped", "Refund"):
            yield f"line {number}: {line.shipped} are shipped here, fewer at Walmart"
        if line.canceled > picture.at_walmart(number, "Cancelled"):
            yield f"line {number}: {line.canceled} are canceled here, fewer at Walmart"
        held = sum(
            item.reserved
            for task in picture.order.tasks
            for item in task.items
            if item.line_number == number
        )
        if line.pending != held:
            yield f"line {number}: {line.pending} are pending, {held} are held"
        if line.remaining < 0 or line.shipped + line.canceled > line.ordered:
            yield f"line {number} has {line.remaining} units left"


def _numbers(picture: Picture) -> Iterator[str]:
    """Where no other package shares its numbers, a package is under its newest confirmed one.

    Refunded units bear no number any more.
    """
    for update_id, (line, units, numbers) in picture.asked.shipments.items():
        shared = {
            number
            for other, (_, _, theirs) in picture.asked.shipments.items()
            if other != update_id
            for number in theirs
        }
        newest = [t for t in picture.tasks(Kind.TRACKING) if t.corrects == update_id][-1:]
        done = [t for t in newest if t.state is State.CONFIRMED]
        if not done or shared & set(numbers) or picture.state(update_id) != "confirmed":
            continue
        shown = next(each for each in picture.walmart["lines"] if each["line_number"] == line)
        there = sum(
            each["quantity"]
            for each in shown["units"]
            if each["status"] == "Refund" or each.get("tracking_number") == done[0].tracking_number
        )
        if there < units:
            yield f"{there} of {units} units are under the number {done[0].tracking_number}"


def _refunds(picture: Picture) -> Iterator[str]:
    there: Counter[tuple[str, int]] = Counter()
    sent: Counter[tuple[UUID, tuple[str, int]]] = Counter()
    for entry in picture.effects("refund"):
        place = (entry["reference"], entry["reference_line"])
        there[place] += entry["quantity"]
        sent[picture.author[entry["correlation_id"]].id, place] += entry["quantity"]
    most: Counter[tuple[str, int]] = Counter()
    least: Counter[tuple[str, int]] = Counter()
    for each in picture.refunds:
        update = picture.updates[each.update_id]
        for item in each.items:
            place = (each.return_order_id, item["number"])
            if sent[each.update_id, place] > item["quantity"]:
                yield f"the refund {each.update_id} was paid twice"
            gone = update.state == "dismissed" and update.in_doubt_until is None
            most[place] += 0 if gone and not each.landed else item["quantity"]
            least[place] += item["quantity"] if update.state == "confirmed" else 0
    for place in {*there, *most, *least}:
        if not least[place] <= there[place] <= most[place]:
            yield f"{there[place]} refunded of {place}: not {least[place]} to {most[place]}"


def _stock(picture: Picture) -> Iterator[str]:
    for sku, (update_id, units) in picture.asked.levels.items():
        if picture.state(update_id) == "confirmed" and picture.stock.get(sku) != units:
            yield f"{units} of {sku} are confirmed, and Walmart has {picture.stock.get(sku)}"


def _acknowledged(picture: Picture) -> Iterator[str]:
    confirmed = any(t.state is State.CONFIRMED for t in picture.tasks(Kind.ACKNOWLEDGEMENT))
    for line in picture.order.lines:
        if confirmed and picture.at_walmart(line.line_number, "Created"):
            yield f"line {line.line_number} is not acknowledged"


def _commerce(picture: Picture) -> Iterator[str]:
    if len(picture.shop) > 1:
        yield f"Commerce has the order {len(picture.shop)} times"
    least, most = _notes(picture)
    for text, times in _written(picture).items():
        if not least[text] <= times <= most[text]:
            yield f"the note {text} is there {times} times"


def _notes(picture: Picture) -> tuple[Counter[str], Counter[str]]:
    """How often each note is in Commerce at least, and at most.

    An order that is made there later shows by itself what happened before.
    """
    least: Counter[str] = Counter()
    most: Counter[str] = Counter()
    made = [each.finished_at for each in picture.updates.values() if each.kind == "commerce_order"]
    for each in picture.updates.values():
        if each.kind == "commerce_note":
            confirmed = each.state == "confirmed"
            before = confirmed and any(at and each.finished_at < at for at in made)
            most[each.payload["text"]] += 1
            least[each.payload["text"]] += confirmed and not before
    return least, most


def _written(picture: Picture) -> Counter[str]:
    return Counter(each["comment"] for order in picture.shop for each in order["status_histories"])


def _unsettled(picture: Picture) -> Iterator[str]:
    for line in picture.order.lines:
        number = line.line_number
        if line.shipped != picture.at_walmart(number, "Shipped", "Refund"):
            yield f"line {number}: {line.shipped} are shipped here, not so at Walmart"
        if line.canceled != picture.at_walmart(number, "Cancelled"):
            yield f"line {number}: {line.canceled} are canceled here, not so at Walmart"
    for task in picture.tasks(Kind.CANCELLATION):
        still = any(picture.at_walmart(x.line_number, "Acknowledged") for x in picture.order.lines)
        if task.state is State.CONFIRMED and still:
            yield f"{task.update_id} is confirmed, and units are open"


def _lost_stock(picture: Picture) -> Iterator[str]:
    for sku, (update_id, units) in picture.asked.levels.items():
        over = picture.state(update_id) in {"failed", "dismissed"}
        if not over and picture.stock.get(sku) != units:
            yield f"{sku}: {picture.stock.get(sku)} instead of {units}"


def _lost_notes(picture: Picture) -> Iterator[str]:
    least, _ = _notes(picture)
    written = _written(picture)
    for text, times in least.items():
        if picture.shop and written[text] < times:
            yield f"the note {text} is there {written[text]} times, not {times}"
