"""Allocation: which units of which order lines a shipment takes.

Walmart often splits one Commerce item into several lines of one unit. An item that is named by SKU
or by Commerce item id is therefore spread over all lines with it, in the order of the lines.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.errors import Problem
from app.domain.orders import commerce_items, held_units
from app.domain.orders.commerce_items import Resolved
from app.domain.orders.order import Item, Order, OrderLine, Task
from app.domain.orders.requests import RequestedItem
from app.domain.update import Kind


def remaining_items(order: Order) -> tuple[Item, ...]:
    """Return all units that no update has reserved."""
    return tuple(
        Item(line.line_number, line.remaining, reserved=line.remaining)
        for line in order.lines
        if line.remaining > 0
    )


def allocate(
    order: Order, requested: Sequence[RequestedItem], *, min_units: int | None = None
) -> tuple[tuple[Item, ...], list[Problem]]:
    """Allocate units to each requested item, with a problem for each item that lacks units.

    min_units: units that were canceled or shipped outside Waybill are requested without being
    reserved, provided that at least so many units can go. None means that all of them must go.
    """
    resolved = commerce_items.resolve(order, requested, shipping=True)
    problems = [*_quantity_problems(requested), *_repeated(requested), *resolved.problems]
    taken: dict[str, int] = {}
    lost: dict[str, int] = {}
    short: list[Problem] = []
    for wanted in _wanted(order, requested, resolved):
        item, lines = requested[wanted.index], wanted.lines
        if not lines:
            problems.append(_unknown(wanted.index, item))
            continue
        left = _take([(line, line.remaining) for line in lines], wanted.units, taken)
        if left:
            holders = held_units.holders_of(order, *(line.line_number for line in lines))
            problem = _too_many(wanted, item, wanted.units - left, holders)
            lost_units = [(line, _lost(order, line)) for line in lines]
            unexplained = _take(lost_units, left, lost)
            (problems if unexplained else short).append(problem)
    if min_units is None or problems or sum(taken.values()) < min_units:
        problems += short
    return tuple(_allocated(order, taken, lost)), problems


def _allocated(order: Order, taken: Mapping[str, int], lost: Mapping[str, int]) -> Iterator[Item]:
    for number in (line.line_number for line in order.lines):
        reserved = taken.get(number, 0)
        units = reserved + lost.get(number, 0)
        if units:
            yield Item(number, units, reserved=reserved)


def shipped_elsewhere(order: Order, line: OrderLine) -> int:
    """Return the units of a line that Walmart shows as shipped and no shipment here explains."""
    return max(line.shipped - sum(item.confirmed for _, item in _shipments_of(order, line)), 0)


def _lost(order: Order, line: OrderLine) -> int:
    """Return units that were canceled or shipped outside Waybill, less those a shipment lacks."""
    lacking = sum(
        item.quantity - item.confirmed - item.reserved
        for task, item in _shipments_of(order, line)
        if task.unresolved
    )
    # mutation: units-held-by-other-updates
    return max(line.canceled + shipped_elsewhere(order, line) - lacking, 0)


def _shipments_of(order: Order, line: OrderLine) -> list[tuple[Task, Item]]:
    return [
        (task, item)
        for task in order.tasks
        if task.kind is Kind.SHIPMENT
        for item in task.items
        if item.line_number == line.line_number
    ]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Units of some lines that an item of the request, by its index, asks for."""

    index: int
    lines: Sequence[OrderLine]
    units: int


def _wanted(order: Order, requested: Sequence[RequestedItem], resolved: Resolved) -> list[_Wanted]:
    named = {item.line_number for item in requested if item.line_number is not None}
    found = [
        _Wanted(index, _free_of(_lines_of(order, item), named - {item.line_number}), item.quantity)
        for index, item in enumerate(requested)
        if item.commerce_item_id is None
    ]
    found += [
        _Wanted(each.index, _free_of(each.lines, named), int(each.units))
        for each in resolved.units
        if each.units > 0
    ]
    return sorted(found, key=lambda each: each.index)


def _lines_of(order: Order, item: RequestedItem) -> Sequence[OrderLine]:
    if item.line_number is not None:
        return [line for line in order.lines if line.line_number == item.line_number]
    return [line for line in order.lines if line.sku == item.sku]


def _free_of(lines: Sequence[OrderLine], named: Collection[str | None]) -> Sequence[OrderLine]:
    """The lines without those that another item names: such a line belongs to that item alone."""
    return [line for line in lines if line.line_number not in named] or lines


def _take(lines: Iterable[tuple[OrderLine, int]], wanted: int, taken: dict[str, int]) -> int:
    """Take free units of each line; return how many units are still missing."""
    for line, free in lines:
        available = max(free - taken.get(line.line_number, 0), 0)
        units = min(wanted, available)
        taken[line.line_number] = taken.get(line.line_number, 0) + units
        wanted -= units
    return wanted


def _name(item: RequestedItem) -> tuple[str, object]:
    if item.line_number is not None:
        return "line_number", item.line_number
    if item.sku is not None:
        return "sku", item.sku
    return "commerce_item_id", item.commerce_item_id


def _quantity_problems(requested: Sequence[RequestedItem]) -> Iterator[Problem]:
    """Refuse a shipment without units: no read could ever confirm it."""
    if not requested:
        yield Problem("invalid_quantity", "A shipment needs at least one unit.", "/items")
    for index, item in enumerate(requested):
        if item.quantity < 1:
            message = "A quantity is a whole number of at least 1."
            yield Problem("invalid_quantity", message, f"/items/{index}/quantity")


def _repeated(requested: Sequence[RequestedItem]) -> Iterator[Problem]:
    seen: set[tuple[str, object]] = set()
    for index, item in enumerate(requested):
        name = _name(item)
        if name in seen:
            yield Problem(
                "line_repeated",
                f"{name[0]} {name[1]} is named twice; send its units in one item.",
                f"/items/{index}/{name[0]}",
            )
        seen.add(name)


def _unknown(index: int, item: RequestedItem) -> Problem:
    field, value = _name(item)
    return Problem(
        "unknown_line", f"The order has no line with {field} {value}.", f"/items/{index}/{field}"
    )


def _too_many(
    wanted: _Wanted, item: RequestedItem, available: int, holders: Iterable[Task]
) -> Problem:
    field, value = _name(item)
    return held_units.refusal(
        "quantity_exceeds_remaining",
        f"{wanted.units} units of {field} {value} were requested; {available} remain.",
        holders,
        f"/items/{wanted.index}/quantity",
        facts={"remaining": available},
    )
