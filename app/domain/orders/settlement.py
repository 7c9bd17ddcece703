"""Settlement: apply a snapshot to the order. Only this makes units shipped or canceled.

Each update is credited with the units that the snapshot shows of it; the rest stays reserved. For
each line the higher of the known and the shown count holds: a read may lag behind a confirmation,
and units that became free again could ship twice. Only a person (`accept_walmart`) takes units
back. Where units were shipped or canceled outside Waybill, too few are left for the reservations:
these are trimmed, newest first.

A write in doubt keeps its reservation, whatever its state, until a read that began late enough
shows whether it took effect.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.domain.orders import readback, tracking_correction
from app.domain.orders.order import Item, Money, Order, OrderLine, Task
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot
from app.domain.outbox.doubt import SHOWN_BY_ORDER, in_doubt_at
from app.domain.update import AT_REST, OPEN, Kind, State

_HOLDING = (Kind.SHIPMENT, Kind.CANCELLATION)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The order after a read, and what changed."""

    order: Order
    landed: tuple[Task, ...]
    """Updates that Walmart shows complete."""
    trimmed: tuple[Task, ...]
    """Updates with a reservation that was reduced."""
    cleared: tuple[Task, ...]
    """Updates with a doubt that ended."""


def settle(
    order: Order, snapshot: OrderSnapshot, read_at: datetime, *, accept_walmart: bool = False
) -> Settlement:
    """Credit every update, then recount the lines.

    read_at is when the read began, by the database's clock. accept_walmart takes back units that
    Walmart does not show.
    """
    tasks = [_credit(order, task, snapshot, read_at, accept=accept_walmart) for task in order.tasks]
    known = [
        _with_shown(line, snapshot.lines.get(line.line_number), accept=accept_walmart)
        for line in order.lines
    ]
    new = lines_of(snapshot, {line.line_number for line in order.lines})
    tasks, trimmed = _trim([*known, *new], tasks)
    tasks = _widen_cancellation([*known, *new], tasks, snapshot)
    lines = tuple(_with_pending(line, tasks) for line in (*known, *new))
    landed = tuple(task for task in tasks if _complete(order, task, snapshot))
    landed += tuple(_corrected(order, tasks, snapshot, read_at))
    done = {task.update_id for task in landed}
    cleared = tuple(task for task in tasks if _cleared(order, task, snapshot, read_at, done))
    ended = {task.update_id for task in cleared}
    after = replace(
        order,
        lines=lines,
        tasks=tuple(
            replace(task, in_doubt_until=None) if task.update_id in ended else task
            for task in tasks
        ),
        cancel_requested=snapshot.cancel_requested,
    )
    return Settlement(after, landed, trimmed, cleared)


def _complete(order: Order, task: Task, snapshot: OrderSnapshot) -> bool:
    """Whether Walmart shows all of a shipment or cancellation."""
    return (
        task.unresolved
        and task.kind in _HOLDING
        and (
            all(item.confirmed >= item.quantity for item in task.items)
            or _nothing_left(task, snapshot)
        )
        and not readback.units_left_to_cancel(task, snapshot)
        # Excess units may be a double effect, which a person must see.
        and not readback.read(order, task, snapshot).excess
    )


def _nothing_left(task: Task, snapshot: OrderSnapshot) -> bool:
    """Whether a cancellation is complete because Walmart shows nothing left to cancel."""
    return task.kind is Kind.CANCELLATION and snapshot.canceled


def _corrected(
    order: Order, tasks: Sequence[Task], snapshot: OrderSnapshot, read_at: datetime
) -> Iterator[Task]:
    """Yield corrections that Walmart shows done and that nothing can overwrite any more."""
    corrections = [task for task in tasks if task.kind is Kind.TRACKING and task.unresolved]
    if corrections:
        counted = replace(order, tasks=tuple(tasks))
        yield from (each for each in corrections if _done(counted, each, snapshot, read_at))


def _done(order: Order, task: Task, snapshot: OrderSnapshot, read_at: datetime) -> bool:
    if not task.recognisable:
        return False
    shipment = order.task(task.corrects) if task.corrects else None
    # While the rest of the shipment may still be sent or arrive, the correction waits.
    settled = shipment is not None and shipment.state not in OPEN and not shipment.in_doubt(read_at)
    last = tracking_correction.overwritable_until(order, task)
    if not settled or (last is not None and read_at < last):
        return False
    return tracking_correction.correction_state(order, task, snapshot).done


def _cleared(
    order: Order,
    task: Task,
    snapshot: OrderSnapshot,
    read_at: datetime,
    landed: Container[UUID],
) -> bool:
    """Whether this read ends the doubt of an update, by its time or by the units it shows."""
    if task.in_doubt_until is None or task.kind not in SHOWN_BY_ORDER:
        return False
    if task.state is State.SENDING:
        return False
    early = task.in_doubt(read_at)
    ambiguous = in_doubt_at(readback.ambiguous_until(order, task, snapshot), read_at)
    if task.update_id in landed or _all_shown(task, snapshot):
        # The shown units may belong to another update, and those of this one may still arrive.
        return not (early and ambiguous)
    # mutation: equal-shipments-in-doubt
    return not early and not ambiguous


def _all_shown(task: Task, snapshot: OrderSnapshot) -> bool:
    if task.kind is Kind.ACKNOWLEDGEMENT:
        return not snapshot.created
    return task.kind in _HOLDING and all(item.confirmed >= item.quantity for item in task.items)


def _credit(
    order: Order, task: Task, snapshot: OrderSnapshot, read_at: datetime, *, accept: bool
) -> Task:
    if task.kind not in _HOLDING or not (task.unresolved or accept):
        return task
    reading = readback.read(order, task, snapshot)
    found = reading.shown if accept else reading.found
    # An update at rest needs no reservation, unless it is in doubt and may still take effect.
    ambiguous = in_doubt_at(readback.ambiguous_until(order, task, snapshot), read_at)
    # mutation: dismissed-doubt-keeps-units
    released = task.state in AT_REST and not (task.in_doubt(read_at) or ambiguous)
    released = released or _nothing_left(task, snapshot)

    def credited(item: Item) -> Item:
        confirmed = found.get(item.line_number, 0)
        if accept:
            # Units without a number, and units of a line that is not shown, are not taken back.
            line = snapshot.lines.get(item.line_number)
            kept = line.unnumbered if line else item.confirmed
            confirmed = max(confirmed, min(item.confirmed, confirmed + kept))
        missing = max(item.quantity - confirmed, 0)
        return replace(
            item, confirmed=confirmed, reserved=0 if released else min(missing, item.reserved)
        )

    return replace(task, items=tuple(credited(item) for item in task.items))


def _with_shown(line: OrderLine, seen: LineSnapshot | None, *, accept: bool = False) -> OrderLine:
    if seen is None:
        return line
    ordered = ordered_units(seen, line.ordered)
    # mutation: lagging-read-of-shipped-units
    shipped = seen.shipped if accept else max(seen.shipped, line.shipped)
    # A unit that the same read shows shipped is not canceled.
    shown = min(seen.canceled, max(ordered - seen.shipped, 0))
    canceled = shown if accept else max(shown, line.canceled)
    # Their sum never exceeds the ordered units: the canceled count holds and the shipped one is
    # reduced, in whatever order two reads arrive.
    # mutation: lagging-read-of-canceled-units
    canceled = min(canceled, ordered)
    # mutation: ordered-units-limit
    return replace(
        line,
        ordered=ordered,
        shipped=min(shipped, ordered - canceled),
        canceled=canceled,
        refunded=min(seen.refunded if accept else max(seen.refunded, line.refunded), ordered),
        name=line.name or seen.name,
        other_charges=_other_charges(line, seen),
    )


def _other_charges(line: OrderLine, seen: LineSnapshot) -> Decimal | None:
    """Return what a line costs beside its units, and what rounding a unit's price leaves out."""
    if seen.charges is None:
        return line.other_charges
    own = line.unit_price.amount if line.unit_price else None
    items = own * seen.ordered if own == seen.unit_price and own is not None else seen.charges.items
    return seen.charges.total - items


def ordered_units(seen: LineSnapshot, known: int) -> int:
    """Return how many units of a line are ordered. known: units ordered here, 0 for a new line.

    Walmart's quantity counts. Statuses that add up to more show units twice and add none; they
    only keep units that are known here, where Walmart's quantity falls with a cancellation.
    """
    explained = seen.shipped + seen.canceled
    # mutation: open-units-beside-canceled-ones
    before = min(seen.ordered + seen.canceled, explained + seen.open, known)
    # mutation: statuses-exceed-line
    shown = min(explained, known) if known or seen.ordered else explained
    return max(seen.ordered, before, shown)


def _from_walmart(seen: LineSnapshot) -> OrderLine:
    price = (
        Money(seen.unit_price, seen.currency)
        if seen.unit_price is not None and seen.currency
        else None
    )
    blank = OrderLine(seen.line_number, seen.sku, seen.ordered, name=seen.name, unit_price=price)
    return _with_shown(blank, seen)


def lines_of(snapshot: OrderSnapshot, known: Container[str] = ()) -> tuple[OrderLine, ...]:
    """Return the lines of a snapshot that have units, without those of known numbers."""
    lines = (_from_walmart(line) for n, line in snapshot.lines.items() if n not in known)
    return tuple(line for line in lines if line.ordered)


def _open_units(line: OrderLine) -> int:
    return line.ordered - line.shipped - line.canceled


def _trim(lines: Sequence[OrderLine], tasks: Sequence[Task]) -> tuple[list[Task], tuple[Task, ...]]:
    free = {line.line_number: _open_units(line) for line in lines}
    kept: dict[object, Task] = {}
    trimmed: list[Task] = []
    # An update in doubt may still take effect, so it keeps its units before any other.
    for task in sorted(tasks, key=lambda each: (each.in_doubt_until is None, each.sequence)):
        items = []
        for item in task.items:
            reserved = min(item.reserved, max(free.get(item.line_number, 0), 0))
            free[item.line_number] = free.get(item.line_number, 0) - reserved
            items.append(item if reserved == item.reserved else replace(item, reserved=reserved))
        after = task
        if any(new is not old for new, old in zip(items, task.items, strict=True)):
            after = replace(task, items=tuple(items))
            trimmed.append(after)
        kept[task.update_id] = after
    return [kept[task.update_id] for task in tasks], tuple(trimmed)


def _widen_cancellation(
    lines: Sequence[OrderLine], tasks: Sequence[Task], snapshot: OrderSnapshot
) -> list[Task]:
    """Let an open cancellation reserve all other open units: it covers the whole order."""
    open_ones = [t for t in tasks if t.kind is Kind.CANCELLATION and t.state in OPEN]
    if not open_ones or snapshot.canceled:
        return list(tasks)
    free = {line.line_number: _open_units(line) - _reserved(line, tasks) for line in lines}
    known = {item.line_number: item for item in open_ones[0].items}
    for number, units in free.items():
        if units > 0:
            item = known.get(number, Item(number, 0))
            more = replace(item, quantity=item.quantity + units, reserved=item.reserved + units)
            known[number] = more
    wider = replace(open_ones[0], items=tuple(known.values()))
    return [wider if task is open_ones[0] else task for task in tasks]


def _reserved(line: OrderLine, tasks: Iterable[Task]) -> int:
    return sum(
        item.reserved
        for task in tasks
        for item in task.items
        if item.line_number == line.line_number
    )


def _with_pending(line: OrderLine, tasks: Iterable[Task]) -> OrderLine:
    pending = _reserved(line, tasks)
    return line if line.pending == pending else replace(line, pending=pending)
