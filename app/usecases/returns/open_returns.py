"""Finds the open returns that contain units of an order, by units of its lines."""

from collections.abc import Mapping

from app.domain.errors import Conflict, Problem
from app.domain.orders.commerce_items import LineUnits
from app.domain.orders.order import Order
from app.storage.postgres.database import Connection
from app.storage.returns import refunds, returns
from app.storage.returns.returns import StoredReturn

Wanted = tuple[tuple[int, int], ...] | None
"""Units by the return's line number. None means all that is left of the order's lines."""
Fitting = list[tuple[StoredReturn, Wanted]]


async def holding(
    connection: Connection, order: Order, units: tuple[LineUnits, ...] | None
) -> Fitting:
    """The open returns that contain units of an order, each with these lines.

    units: None means all of the order's lines.
    """
    found: Fitting = []
    for known in await returns.of_order(connection, order.store_id, order.purchase_order_id):
        of_order = known.returned.lines_of(order.purchase_order_id)
        if known.returned.closed or not any(line.left for line in of_order):
            continue
        if units is None:
            found.append((known, None))
            continue
        waiting = await refunds.pending(connection, known)
        fitting = _fitting(known, order, units, waiting)
        if fitting is not None:
            found.append((known, fitting))
    return found


def only(found: Fitting) -> tuple[StoredReturn, Wanted]:
    """The only return that was found. Raises Conflict no_open_return or return_ambiguous."""
    if not found:
        message = (
            "No open return of Walmart's has all of these units. Walmart opens a return when the "
            "buyer asks for it, with the units that the buyer sends back."
        )
        raise Conflict("no_open_return", message, [Problem("no_open_return", message, "/items")])
    if len(found) > 1:
        numbers = ", ".join(known.returned.return_order_id for known, _ in found)
        message = f"Several returns hold these items ({numbers}): refund one of them by its id."
        raise Conflict(
            "return_ambiguous", message, [Problem("return_ambiguous", message, "/items")]
        )
    return found[0]


def _fitting(
    known: StoredReturn, order: Order, wanted: tuple[LineUnits, ...], waiting: Mapping[int, int]
) -> Wanted:
    """The order's lines of the return that contain the units. None means that some are missing.

    Units of an earlier refund are taken last, so that the refusal can name that refund.
    """
    lines = known.returned.lines_of(order.purchase_order_id)
    free = {line.number: max(line.left - waiting.get(line.number, 0), 0) for line in lines}
    found: dict[int, int] = {}
    for each in wanted:
        numbers = {line.line_number for line in each.lines}
        fit = [line for line in lines if line.line_number in numbers]
        units = int(each.units)
        for room in (free, {line.number: line.left for line in fit}):
            for line in fit:
                taken = min(units, room[line.number] - found.get(line.number, 0))
                if taken > 0:
                    found[line.number] = found.get(line.number, 0) + taken
                    units -= taken
        if units:
            return None
    return tuple(found.items())
