"""Resolves items of a Commerce order into units of Walmart's order lines.

A line may be a composite product in Commerce: a configurable parent with its child, or a bundle
with its children. A shipment or credit memo then lists several items for one unit: the parent, the
children, or some of them (magento/magento2, Magento/Sales/Model/Order/ShipmentFactory.php and
CreditmemoFactory.php). Of each unit, the largest quotient of quantity and quantity per unit counts.

Lines with the same items share them, because Walmart often splits one Commerce item into several
lines of one unit.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from app.domain.errors import Problem
from app.domain.orders.order import Order, OrderLine
from app.domain.orders.requests import RequestedItem
from app.domain.update import Kind, State

UNKNOWN_LINE = "unknown_line"


@dataclass(frozen=True, slots=True)
class LineUnits:
    """Units of one line, or of several lines with the same Commerce items."""

    lines: tuple[OrderLine, ...]
    units: Fraction
    """Whole where there is no problem. None is left if earlier shipments contain these units."""
    index: int
    """Place in the request of the item that needs the most units."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The Commerce items of a request, resolved into units of lines."""

    units: tuple[LineUnits, ...]
    contents: Mapping[int, int]
    """Quantities of the items of composite products, by item."""
    passed_over: tuple[int, ...]
    """Items that belong to no line, of an order in which every line is linked."""
    problems: tuple[Problem, ...]

    @property
    def later_part(self) -> bool:
        """Whether the items only add parts to units that were shipped before."""
        return bool(self.units) and not self.problems and not any(u.units > 0 for u in self.units)

    @property
    def added(self) -> Fraction:
        """How many units the items add."""
        return sum((each.units for each in self.units if each.units > 0), Fraction())


def resolve(
    order: Order, requested: Sequence[RequestedItem], *, shipping: bool = False
) -> Resolved:
    """Resolve the items that name a Commerce item; items with another name are left out.

    shipping: count the units that the items add to those of earlier shipments: a bundle may be
    shipped in parts.
    """
    linked = _lines_by_item(order)
    groups: dict[str, list[int]] = {}
    unknown: list[int] = []
    for index, item in enumerate(requested):
        if item.commerce_item_id is None:
            continue
        if lines := linked.get(item.commerce_item_id):
            groups.setdefault(lines[0].line_number, []).append(index)
        else:
            unknown.append(index)
    asked = [{index: requested[index] for index in some} for some in groups.values()]
    units = tuple(
        _units(order, linked[_id(next(iter(some.values())))], some, shipping=shipping)
        for some in asked
    )
    # mutation: pass-over-unlinked-item
    passed = len(unknown) < len(requested) and all(line.items_per_unit for line in order.lines)
    return Resolved(
        units,
        contents={
            _id(item): item.quantity
            for each, some in zip(units, asked, strict=True)
            for item in some.values()
            if each.lines[0].items_per_unit != {_id(item): 1}
        },
        passed_over=tuple(_id(requested[index]) for index in unknown) if passed else (),
        problems=(
            *(() if passed else (unknown_item(n, requested[n]) for n in unknown)),
            *not_whole(requested, units),
        ),
    )


def units_by_line(order: Order, requested: Sequence[RequestedItem]) -> dict[str, Fraction]:
    """Return the units of a request, by the first of the lines that share them.

    Two requests of equal units are equal, whether they list parents, children or both.
    """
    return counts(resolve(order, requested))


def counts(resolved: Resolved) -> dict[str, Fraction]:
    """Return the units by the first of the lines that share them, as `units_by_line` does."""
    units = {each.lines[0].line_number: each.units for each in resolved.units}
    # An unknown item equals no line.
    return units | {each.message: Fraction(1) for each in resolved.problems}


def first_lines(order: Order) -> dict[str, str]:
    """Return the first line with the same items for each line, as `units_by_line` names them."""
    linked = _lines_by_item(order)
    return {
        line.line_number: next(
            (linked[id_][0].line_number for id_ in line.items_per_unit), line.line_number
        )
        for line in order.lines
    }


def unknown_item(index: int, item: RequestedItem) -> Problem:
    """Return the problem of an item that belongs to no line."""
    message = f"The order has no line with commerce_item_id {item.commerce_item_id}."
    return Problem(UNKNOWN_LINE, message, f"/items/{index}/commerce_item_id")


def not_whole(requested: Sequence[RequestedItem], units: Iterable[LineUnits]) -> Iterator[Problem]:
    """Refuse units that are not whole; parts of earlier shipments are no units."""
    for each in units:
        # mutation: whole-units-only
        if each.units > 0 and each.units.denominator != 1:
            item = requested[each.index]
            size = each.lines[0].items_per_unit[_id(item)]
            message = (
                f"{item.quantity} of commerce_item_id {item.commerce_item_id} make no whole number "
                f"of units: one unit of line {each.lines[0].line_number} has {size}."
            )
            yield Problem("invalid_quantity", message, f"/items/{each.index}/quantity")


def _id(item: RequestedItem) -> int:
    assert item.commerce_item_id is not None  # noqa: S101 - others were left out
    return item.commerce_item_id


def _lines_by_item(order: Order) -> dict[int, list[OrderLine]]:
    """The lines that contain each Commerce item; they have the same items."""
    found: dict[int, list[OrderLine]] = {}
    for line in order.lines:
        for id_ in line.items_per_unit:
            found.setdefault(id_, []).append(line)
    return found


def _units(
    order: Order,
    lines: Sequence[OrderLine],
    asked: Mapping[int, RequestedItem],
    *,
    shipping: bool,
) -> LineUnits:
    """The units of lines with the same items. asked: their items of the request, by index."""
    per_unit = lines[0].items_per_unit
    quantities, taken = _shipped_before(order, lines) if shipping else (Counter[int](), 0)
    for item in asked.values():
        quantities[_id(item)] += item.quantity

    def quotient(index: int) -> Fraction:
        return Fraction(quantities[_id(asked[index])], per_unit[_id(asked[index])])

    # mutation: largest-quotient
    largest = max(asked, key=quotient)
    return LineUnits(tuple(lines), quotient(largest) - taken, largest)


def _shipped_before(order: Order, lines: Sequence[OrderLine]) -> tuple[Counter[int], int]:
    """Quantities in earlier shipments, by item, and the units that these shipments took.

    Shipments without contents took all items of their units, so they change no difference. The same
    holds for a dismissed one: what Walmart shows of it is a whole unit.
    """
    numbers, ids = {line.line_number for line in lines}, lines[0].items_per_unit
    quantities = Counter({id_: order.later_parts[id_] for id_ in ids if id_ in order.later_parts})
    taken = 0
    for task in order.tasks:
        if task.kind is not Kind.SHIPMENT or task.state is State.DISMISSED:
            continue
        contents = {id_: task.commerce_items[id_] for id_ in ids if id_ in task.commerce_items}
        if contents:
            quantities.update(contents)
            taken += sum(item.quantity for item in task.items if item.line_number in numbers)
    return quantities, taken
