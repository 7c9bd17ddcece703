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
    def whole_units(self) -> int:
        """How many units the items add."""
        return sum(int(each.units) for each in self.units if each.units > 0)


def resolve(
    order: Order, requested: Sequence[RequestedItem], *, shipping: bool = False
) -> Resolved:
    """Resolve the items that name a Commerce item; items with another name are left out.

    shipping: count the units that the items add to those of earlier shipments: a bundle may be
    shipped in parts.
    """
    groups: dict[str, list[int]] = {}
    unknown: list[int] = []
    for index, item in enumerate(requested):
        if item.commerce_item_id is None:
            continue
        lines = lines_with(order, item.commerce_item_id)
        if lines:
            groups.setdefault(lines[0].line_number, []).append(index)
        else:
            unknown.append(index)
    units = tuple(_units(order, requested, some, shipping=shipping) for some in groups.values())
    # mutation: pass-over-unlinked-item
    passed = len(unknown) < len(requested) and all(line.items_per_unit for line in order.lines)
    return Resolved(
        units,
        contents={
            id_: n for some in groups.values() for id_, n in _contents(order, requested, some)
        },
        passed_over=tuple(requested[n].commerce_item_id or 0 for n in unknown) if passed else (),
        problems=(
            *(() if passed else (unknown_item(n, requested[n]) for n in unknown)),
            *_not_whole(requested, units),
        ),
    )


def lines_with(order: Order, commerce_item_id: int) -> tuple[OrderLine, ...]:
    """Return the lines that contain a Commerce item; they have the same items."""
    return tuple(line for line in order.lines if commerce_item_id in line.items_per_unit)


def units_by_line(order: Order, requested: Sequence[RequestedItem]) -> Counter[str]:
    """Return the units of a request, by the first of the lines that share them.

    Two requests of equal units are equal, whether they list parents, children or both.
    """
    resolved = resolve(order, requested)
    return Counter({each.lines[0].line_number: each.units for each in resolved.units})


def first_line(order: Order, line_number: str) -> str:
    """Return the number of the first line with the same items, as `units_by_line` names it."""
    line = order.line(line_number)
    ids = line.items_per_unit if line is not None else {}
    return next((lines_with(order, id_)[0].line_number for id_ in ids), line_number)


def unknown_item(index: int, item: RequestedItem) -> Problem:
    """Return the problem of an item that belongs to no line."""
    message = f"The order has no line with commerce_item_id {item.commerce_item_id}."
    return Problem("unknown_line", message, f"/items/{index}/commerce_item_id")


def _units(
    order: Order, requested: Sequence[RequestedItem], indexes: Sequence[int], *, shipping: bool
) -> LineUnits:
    lines = lines_with(order, requested[indexes[0]].commerce_item_id or 0)
    per_unit = lines[0].items_per_unit
    quantities, taken = _shipped_before(order, lines) if shipping else (Counter[int](), 0)
    for index in indexes:
        quantities[requested[index].commerce_item_id or 0] += requested[index].quantity

    def quotient(index: int) -> Fraction:
        id_ = requested[index].commerce_item_id or 0
        return Fraction(quantities[id_], per_unit[id_])

    # mutation: largest-quotient
    largest = max(indexes, key=quotient)
    return LineUnits(lines, quotient(largest) - taken, largest)


def _shipped_before(order: Order, lines: Sequence[OrderLine]) -> tuple[Counter[int], int]:
    """Quantities in earlier shipments, by item, and the units that these shipments took.

    Shipments without contents took all items of their units, so they change no difference. The same
    holds for a dismissed one: what Walmart shows of it is a whole unit.
    """
    numbers, ids = {line.line_number for line in lines}, lines[0].items_per_unit.keys()
    quantities = Counter({id_: n for id_, n in order.later_parts.items() if id_ in ids})
    taken = 0
    for task in order.tasks:
        if task.kind is not Kind.SHIPMENT or task.state is State.DISMISSED:
            continue
        contents = {id_: n for id_, n in task.commerce_items.items() if id_ in ids}
        if contents:
            quantities.update(contents)
            taken += sum(item.quantity for item in task.items if item.line_number in numbers)
    return quantities, taken


def _contents(
    order: Order, requested: Sequence[RequestedItem], indexes: Iterable[int]
) -> Iterator[tuple[int, int]]:
    for index in indexes:
        id_ = requested[index].commerce_item_id or 0
        if lines_with(order, id_)[0].items_per_unit != {id_: 1}:
            yield id_, requested[index].quantity


def _not_whole(requested: Sequence[RequestedItem], units: Iterable[LineUnits]) -> Iterator[Problem]:
    for each in units:
        # mutation: whole-units-only
        if each.units > 0 and each.units.denominator != 1:
            item = requested[each.index]
            size = each.lines[0].items_per_unit[item.commerce_item_id or 0]
            message = (
                f"{item.quantity} of commerce_item_id {item.commerce_item_id} make no whole number "
                f"of units: one unit of line {each.lines[0].line_number} has {size}."
            )
            yield Problem("invalid_quantity", message, f"/items/{each.index}/quantity")
