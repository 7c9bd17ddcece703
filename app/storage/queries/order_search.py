"""Search of orders and returns by the beginning of any of their numbers."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.errors import Conflict, Invalid, Problem
from app.domain.orders.tracking_key import tracking_key
from app.storage.orders.repository import OrderKey
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.query import Reader
from app.storage.postgres.sharding import of_any, of_one
from app.storage.postgres.sql import Statement
from app.storage.queries import orders_by_id
from app.storage.tables import orders as table

# More numbers than a person reads through; a broader search needs one letter more.
MOST = 1000
_LIMIT = str(MOST + 1)


@dataclass(frozen=True, slots=True)
class _Number:
    """A kind of number that is searched: the table, the id that it leads to, words of an index."""

    table: str
    id: str
    column: str


_NUMBERS = (
    _Number("orders", "t.id", "t.purchase_order_id"),
    _Number("orders", "t.id", "t.commerce_order_number"),
)
_CUSTOMER = _Number("orders", "t.id", "t.customer_order_id")
_SKU = _Number("order_lines", "t.order_id", "upper(t.sku)")
_TRACKING = _Number("shipments", "t.order_id", "t.tracking_key")
_OF_RETURNS = (
    _Number("returns", "t.id", "t.return_order_id"),
    _Number("returns", "t.id", "t.purchase_order_id"),
    _Number("return_orders", "t.return_id", "t.purchase_order_id"),
)
_CUSTOMER_OF_RETURN = _Number("returns", "t.id", "t.customer_order_id")
# Walmart's pages show customer order 200012345678901 as 2000123-45678901; its API has no hyphen.
_BEFORE_HYPHEN = 7
_COMMERCE_NUMBER = _Number("orders", "t.id", "t.commerce_order_number")
_RETURNS_OF_ORDERS = sql.load(
    "queries/search_returns_of_orders.sql",
    returns=of_any(orders_by_id.RETURNS_OF_ORDER),
    limit=_LIMIT,
)
_EXISTS = Statement("SELECT 1 FROM orders WHERE store_id = :store_id AND id = :id")
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000


async def find(reader: Reader, text: str, store_id: int | None) -> list[OrderKey]:
    """Find orders by the beginning of a purchase order, Commerce, customer, SKU or tracking number.

    Each kind of number costs a few entries of its own index, whatever else there is. store_id:
    None means every store. Text without a letter or digit finds nothing. Raises Invalid
    search_too_broad if more than MOST numbers begin so.
    """
    text = text.strip()
    if not text:
        return []
    beginnings = [(_SKU, text.upper()), *((number, text) for number in _NUMBERS)]
    beginnings += [(_CUSTOMER, each) for each in customer_numbers(text)]
    if key := tracking_key(text):
        # Spaces and hyphens alone would match every tracking number.
        beginnings.append((_TRACKING, key))
    return await _found(reader, text, beginnings, store_id)


async def find_returns(reader: Reader, text: str, store_id: int | None) -> list[OrderKey]:
    """Find returns by the beginning of an RMA, purchase order, customer or Commerce order number.

    As `find`: one index for each kind of number, and bounded.
    """
    text = text.strip()
    if not text:
        return []
    numbers = [(number, text) for number in _OF_RETURNS]
    numbers += [(_CUSTOMER_OF_RETURN, each) for each in customer_numbers(text)]
    found = await _found(reader, text, numbers, store_id)
    orders = await _found(reader, text, [(_COMMERCE_NUMBER, text)], store_id)
    values = {"stores": [store for store, _ in orders], "ids": [each for _, each in orders]}
    rows = await _RETURNS_OF_ORDERS.fetch(reader, values) if orders else []
    both = {*found, *((row["store_id"], row["id"]) for row in rows)}
    if len(both) > MOST:
        raise _too_broad(text)
    return sorted(both)


def customer_numbers(text: str) -> list[str]:
    """Return a customer order number as given, without its hyphen, and with it."""
    digits = tracking_key(text)
    # mutation: customer-order-hyphen
    if not digits.isdecimal():
        return [text]
    hyphenated = f"{digits[:_BEFORE_HYPHEN]}-{digits[_BEFORE_HYPHEN:]}"
    return list(dict.fromkeys([text, digits] + [hyphenated] * (len(digits) > _BEFORE_HYPHEN)))


async def _found(
    reader: Reader, text: str, beginnings: Sequence[tuple[_Number, str]], store_id: int | None
) -> list[OrderKey]:
    values: dict[str, Any] = {"store_id": store_id}
    bounded = []
    for way, (_, beginning) in enumerate(beginnings):
        values |= {f"first_{way}": beginning, f"end_{way}": (end := following(beginning))}
        bounded.append(end is not None)
    numbers = tuple(number for number, _ in beginnings)
    statement = _statement(numbers, tuple(bounded), one=store_id is not None)
    rows = await statement.fetch(reader, values)
    found = {(row["store_id"], row["id"]) for row in rows}
    # mutation: search-too-broad
    if len(found) > MOST or max(Counter(row["way"] for row in rows).values(), default=0) > MOST:
        raise _too_broad(text)
    return sorted(found)


def _too_broad(text: str) -> Invalid:
    message = f"More than {MOST} numbers of orders begin with {text}. Type more of it."
    return Invalid("search_too_broad", message, [Problem("search_too_broad", message, "/q")])


@cache
def _statement(numbers: tuple[_Number, ...], bounded: tuple[bool, ...], *, one: bool) -> Statement:
    """The search of some kinds of numbers. bounded: whether each has an end."""
    ways = [
        sql.read(
            "queries/search_numbers.sql",
            way=str(way),
            table=number.table,
            id=number.id,
            among=f"{number.column} ~>=~ :first_{way}::text"
            + (f" AND {number.column} ~<~ :end_{way}::text" if end else ""),
            limit=_LIMIT,
        )
        for way, (number, end) in enumerate(zip(numbers, bounded, strict=True))
    ]
    template = " UNION ALL ".join(ways)
    # mutation: search-within-store
    return Statement(of_one(template) if one else of_any(template))


def following(text: str) -> str | None:
    """The first text behind all that begin with this one. None means that there is none.

    The order is that of code points, which is the order of bytes in UTF-8 too.
    """
    while text:
        point = ord(text[-1]) + 1
        if point == _FIRST_SURROGATE:
            # No text of a database contains surrogates.
            point = _AFTER_SURROGATES
        if point <= sys.maxunicode:
            return text[:-1] + chr(point)
        text = text[:-1]
    return None


async def exists(reader: Reader, store_id: int, order_id: UUID) -> bool:
    """Whether the order exists."""
    return bool(await _EXISTS.fetch(reader, {"store_id": store_id, "id": order_id}))


async def by_commerce_id(
    connection: Connection, store_id: int, commerce_order_id: int
) -> UUID | None:
    """The order that is linked to a Commerce order. Raises Conflict commerce_order_ambiguous."""
    statement = (
        sa.select(table.c.id, table.c.purchase_order_id)
        .where(table.c.store_id == store_id, table.c.commerce_order_id == commerce_order_id)
        .order_by(table.c.id)
        .limit(2)
    )
    found = (await connection.execute(statement)).all()
    if len(found) > 1:
        numbers = " and ".join(row.purchase_order_id for row in found)
        message = (
            f"Walmart's orders {numbers} are both linked to Commerce's order {commerce_order_id}: "
            "take the link of one of them away."
        )
        raise Conflict("commerce_order_ambiguous", message)
    return found[0].id if found else None


async def by_numbers(
    connection: Connection, store_id: int, numbers: Sequence[str]
) -> list[tuple[str, UUID]]:
    """Orders with one of these Walmart or Commerce numbers, each with that number."""
    found: list[tuple[str, UUID]] = []
    for column in (table.c.purchase_order_id, table.c.commerce_order_number):
        statement = sa.select(column, table.c.id).where(
            table.c.store_id == store_id, column.in_(numbers)
        )
        found += [(row[0], row[1]) for row in await connection.execute(statement)]
    return found
