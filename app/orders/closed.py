"""Orders that are shown and to which nothing can be done: Walmart's own, and unreadable ones."""

from collections.abc import Iterator

from app.orders.errors import Problem
from app.orders.order import Order


def problems(order: Order) -> Iterator[Problem]:
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
