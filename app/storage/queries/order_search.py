"""Finding an order by the beginning of any number a person may have in hand."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa

from app.domain.errors import Conflict, Invalid, Problem
from app.domain.orders.snapshot import tracking_key
from app.storage.postgres.database import Connection
from app.storage.postgres.query import Reader, fetch
from app.storage.postgres.sharding import of_any
from app.storage.queries import orders_by_id
from app.storage.queries.orders_by_id import OrderKey
from app.storage.tables import orders as table

# More numbers than a person reads through; whoever searches so broadly types one letter more.
MOST = 1000

# Where numbers are looked for: a table, what tells the order, and the words of an index.
_NUMBERS = (
    ("orders", "t.id", "t.purchase_order_id"),
    ("orders", "t.id", "t.customer_order_id"),
    ("orders", "t.id", "t.commerce_order_number"),
)
_SKU = ("order_lines", "t.order_id", "upper(t.sku)")
_TRACKING = ("shipments", "t.order_id", "t.tracking_key")
_OF_RETURNS = (
    ("returns", "t.id", "t.return_order_id"),
    ("returns", "t.id", "t.purchase_order_id"),
    ("returns", "t.id", "t.customer_order_id"),
    ("return_orders", "t.return_id", "t.purchase_order_id"),
)
_COMMERCE_NUMBER = ("orders", "t.id", "t.commerce_order_number")
# The returns of some orders, by two indexes.
_BY_ORDER = f"""
    SELECT t.store_id, r.id AS order_id FROM unnest($1::int[], $2::uuid[]) AS q(store_id, id)
      JOIN orders t ON t.store_id = q.store_id AND t.id = q.id
     CROSS JOIN LATERAL ({of_any(orders_by_id.RETURNS_OF_ORDER)}) AS r(id) LIMIT {MOST + 1}
"""  # noqa: S608 - words of this package's modules
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000


async def find(reader: Reader, text: str, store_id: int | None) -> list[OrderKey]:
    """Orders whose purchase order, Commerce, customer, SKU or tracking number begins with it.

    Each way looks at a few entries of an index of its own, whatever else there is. store_id: the
    one store to look in, or all. Text without a letter or digit to look for finds nothing.
    Raises Invalid search_too_broad where more than MOST numbers begin so.
    """
    text = text.strip()
    if not text:
        return []
    begins = {_SKU: text.upper()} | dict.fromkeys(_NUMBERS, text)
    if key := tracking_key(text):
        # Only spaces and hyphens would, as the beginning of a tracking number, fit all.
        begins[_TRACKING] = key
    return await _found(reader, text, begins, store_id)


async def find_returns(reader: Reader, text: str, store_id: int | None) -> list[OrderKey]:
    """Returns whose RMA, purchase order, customer order or Commerce order number begins with it.

    As `find`: by an index for each way, and bounded.
    """
    text = text.strip()
    if not text:
        return []
    found = await _found(reader, text, dict.fromkeys(_OF_RETURNS, text), store_id)
    named = await _found(reader, text, {_COMMERCE_NUMBER: text}, store_id)
    values = [store for store, _ in named], [order_id for _, order_id in named]
    rows = await fetch(reader, _BY_ORDER, *values) if named else []
    both = {*found, *((row["store_id"], row["order_id"]) for row in rows)}
    if len(both) > MOST:
        raise _too_broad(text)
    return sorted(both)


async def _found(
    reader: Reader, text: str, begins: Mapping[tuple[str, str, str], str], store_id: int | None
) -> list[OrderKey]:
    values: list[object] = [] if store_id is None else [store_id]
    ways = [
        _way(way, number, begin, values, one=store_id is not None)
        for number, (way, begin) in enumerate(begins.items())
    ]
    rows = await fetch(reader, " UNION ALL ".join(ways), *values)
    found = {(row["store_id"], row["order_id"]) for row in rows}
    if len(found) > MOST or max(Counter(row["way"] for row in rows).values(), default=0) > MOST:
        raise _too_broad(text)
    return sorted(found)


def _too_broad(text: str) -> Invalid:
    message = f"More than {MOST} numbers of orders begin with {text}. Type more of it."
    return Invalid("search_too_broad", message, [Problem("search_too_broad", message, "/q")])


def _way(
    way: tuple[str, str, str], number: int, begins: str, values: list[object], *, one: bool
) -> str:
    """At most MOST + 1 places of orders; an order may be among them for each of its lines.

    By comparing, not LIKE: a statement that is prepared once for every text knows no pattern, and
    would read the whole table. values: those before; those of this way are added.
    """
    table, order_id, column = way
    values.append(begins)
    among = f"{column} ~>=~ ${len(values)}::text"
    behind = following(begins)
    if behind is not None:
        values.append(behind)
        among += f" AND {column} ~<~ ${len(values)}::text"
    store = " WHERE s.store_id = $1::int" if one else ""
    return f"""(
    SELECT {number} AS way, s.store_id, f.order_id FROM stores s CROSS JOIN LATERAL (
      SELECT {order_id} AS order_id FROM {table} t
       WHERE t.store_id = s.store_id AND {among} LIMIT {MOST + 1}) f{store} LIMIT {MOST + 1})"""  # noqa: S608 - words of this module


def following(text: str) -> str | None:
    """The first text behind all that begin with this one, None where none is.

    By code points, which is the order of bytes in UTF-8 too.
    """
    while text:
        point = ord(text[-1]) + 1
        if point == _FIRST_SURROGATE:
            # In no text of a database.
            point = _AFTER_SURROGATES
        if point <= sys.maxunicode:
            return text[:-1] + chr(point)
        text = text[:-1]
    return None


_EXISTS = "SELECT 1 FROM orders WHERE store_id = $1 AND id = $2"


async def exists(reader: Reader, store_id: int, order_id: UUID) -> bool:
    """Whether there is such an order."""
    return bool(await fetch(reader, _EXISTS, store_id, order_id))


async def by_commerce_id(
    connection: Connection, store_id: int, commerce_order_id: int
) -> UUID | None:
    """The order that became a Commerce order. Raises Conflict commerce_order_ambiguous."""
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
    """Orders that bear one of these numbers, Walmart's or Commerce's; each with that number."""
    found: list[tuple[str, UUID]] = []
    for column in (table.c.purchase_order_id, table.c.commerce_order_number):
        statement = sa.select(column, table.c.id).where(
            table.c.store_id == store_id, column.in_(numbers)
        )
        found += [(row[0], row[1]) for row in await connection.execute(statement)]
    return found
