"""Finds what Commerce's clients name by an integer: shipments, credit memos and order items."""

from uuid import UUID

from app.storage.postgres.query import Reader
from app.storage.postgres.sql import Statement

_SHIPMENT = Statement(
    "SELECT order_id, id FROM shipments WHERE store_id = :store_id AND number = :number"
)
_REFUND = Statement(
    "SELECT order_id, return_id FROM refunds WHERE store_id = :store_id AND number = :number"
)
_ITEM = Statement(
    "SELECT order_id FROM order_lines WHERE store_id = :store_id AND (commerce_item_id = :number "
    "OR commerce_items @> jsonb_build_array(jsonb_build_object('id', :number::bigint))) "
    "ORDER BY order_id LIMIT 1"
)


async def shipment_of_number(
    reader: Reader, store_id: int, number: int
) -> tuple[UUID, UUID] | None:
    """The order and the id of the shipment with this number in its store."""
    rows = await _SHIPMENT.fetch(reader, {"store_id": store_id, "number": number})
    return (rows[0]["order_id"], rows[0]["id"]) if rows else None


async def refund_of_number(reader: Reader, store_id: int, number: int) -> tuple[UUID, UUID] | None:
    """The order and the return of the refund with this number in its store."""
    rows = await _REFUND.fetch(reader, {"store_id": store_id, "number": number})
    return (rows[0]["order_id"], rows[0]["return_id"]) if rows else None


async def order_of_item(reader: Reader, store_id: int, item_id: int) -> UUID | None:
    """The order with a line that is linked to this item of a Commerce order."""
    rows = await _ITEM.fetch(reader, {"store_id": store_id, "number": item_id})
    return rows[0]["order_id"] if rows else None
