"""Search of orders by the fields that Commerce's API shows of them."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from app.domain.orders.buyer import RESERVED_EMAIL
from app.domain.orders.order import ERROR, FulfillmentStatus
from app.storage.postgres.database import Connection
from app.storage.queries import commerce_search, order_views
from app.storage.queries.commerce_fields import (
    CustomerNumber,
    Field,
    Number,
    Text,
    Time,
    Words,
)
from app.storage.queries.commerce_search import STORE, Criteria, Searched
from app.storage.queries.text_patterns import Condition
from app.storage.queries.views import OrderView
from app.storage.tables import order_lines as lines
from app.storage.tables import orders as table

_OPEN, _PARTIALLY_SHIPPED, _SHIPPED, _CANCELED = (
    FulfillmentStatus.OPEN,
    FulfillmentStatus.PARTIALLY_SHIPPED,
    FulfillmentStatus.SHIPPED,
    FulfillmentStatus.CANCELED,
)
_OF_ORDER = sa.and_(lines.c.store_id == STORE, lines.c.order_id == table.c.id)


def _in(*statuses: FulfillmentStatus) -> Condition:
    """Orders in a fulfillment status, whether an update failed or not.

    The second condition follows from the first. It is the one that has an index.
    """
    return sa.and_(table.c.fulfillment_status.in_(statuses), table.c.status.in_([*statuses, ERROR]))


def _of_lines(value: sa.ColumnElement[Any], kind: TypeEngine[Any]) -> sa.ColumnElement[Any]:
    """A value that is calculated from the lines of an order."""
    found = sa.select(sa.type_coerce(value, kind)).where(_OF_ORDER).correlate(table)
    return found.scalar_subquery()


# A scalar: for EXISTS within OR, PostgreSQL would read the lines of all stores.
_UNREFUNDED = _of_lines(sa.func.bool_or(lines.c.refunded < lines.c.shipped), sa.Boolean())
_NEW = _in(_OPEN)
# Commerce's words. An order is shown as processing from the start, because its clients ship orders
# in that state; as new (status pending) it is found while nothing of it is shipped. As Magento's
# Sales\Model\ResourceModel\Order\Handler\State has it, an order is closed once all is refunded.
_STATES: Mapping[str, Condition] = {
    "processing": _in(_OPEN, _PARTIALLY_SHIPPED),
    "complete": sa.and_(_in(_SHIPPED), _UNREFUNDED.is_(sa.true())),
    "closed": sa.and_(_in(_SHIPPED), _UNREFUNDED.is_not(sa.true())),
    "canceled": _in(_CANCELED),
}
_WAYBILLS = (_OPEN.value, _PARTIALLY_SHIPPED.value, _SHIPPED.value, ERROR)
_STATUSES: Mapping[str, Condition] = {
    **{each: table.c.status == each for each in _WAYBILLS},
    "pending": _NEW,
    **_STATES,
}
_STATE = sa.case(
    *((found, word) for word, found in _STATES.items() if word != "processing"),
    else_="processing",
)
# As app/storage/queries/order_line_views.py adds up an order: nothing where a line has no price, or
# currencies differ. It is shown as 0.
_PRICED = sa.and_(
    sa.func.count(lines.c.unit_price) == sa.func.count(),
    sa.func.min(lines.c.currency) == sa.func.max(lines.c.currency),
)
_TOTAL = sa.func.sum(
    lines.c.unit_price * lines.c.ordered + sa.func.coalesce(lines.c.other_charges, 0)
)
_AMOUNT = Number(_of_lines(sa.case((_PRICED, _TOTAL), else_=0), sa.Numeric()), whole=False)
_CURRENCY = sa.case((_PRICED, sa.func.min(lines.c.currency)))
_EMAIL = Text(RESERVED_EMAIL[0] + table.c.purchase_order_id + RESERVED_EMAIL[1])
_UNITS = sa.func.coalesce(sa.func.sum(lines.c.ordered), 0)


def fields(store_id: int) -> Mapping[str, Field]:
    """The fields that orders of a store are found by."""
    return {
        "entity_id": Number(table.c.commerce_order_id),
        "increment_id": Text(table.c.commerce_order_number),
        "ext_order_id": Text(table.c.purchase_order_id),
        "ext_customer_id": CustomerNumber(table.c.customer_order_id),
        "customer_email": _EMAIL,
        "store_id": Words(table.c.store_id, {str(store_id): sa.true()}),
        "state": Words(_STATE, {"new": _NEW, **_STATES}),
        "status": Words(table.c.status, _STATUSES),
        "order_currency_code": Text(_of_lines(_CURRENCY, sa.Text())),
        "grand_total": _AMOUNT,
        "base_grand_total": _AMOUNT,
        "total_item_count": Number(_of_lines(sa.func.count(), sa.BigInteger())),
        "total_qty_ordered": Number(_of_lines(_UNITS, sa.BigInteger())),
        "created_at": Time(table.c.ordered_at, table.c.created_at),
        "updated_at": Time(table.c.updated_at),
    }


ORDERS = Searched(table, fields)


async def search_orders(
    connection: Connection, store_id: int, criteria: Criteria
) -> tuple[list[OrderView], int]:
    """A page of a store's orders, and how many match. Raises Invalid, as commerce_search."""
    found, total = await commerce_search.search(connection, store_id, criteria, ORDERS)
    return await order_views.orders(connection, [(store_id, each) for each in found]), total
