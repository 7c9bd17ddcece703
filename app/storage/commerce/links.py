"""Which order of Commerce's a Walmart order is, as Commerce itself said."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.orders.order import Link
from app.storage import timeline
from app.storage.commerce import events as commerce_events
from app.storage.postgres.database import Connection

# What a person has written stays.
_ORDER = sa.text("""
    UPDATE orders
       SET commerce_order_number = coalesce(commerce_order_number, :number),
           commerce_order_id = coalesce(commerce_order_id, :entity_id), updated_at = now()
     WHERE store_id = :store_id AND id = :order_id
       AND (commerce_order_number IS NULL OR commerce_order_id IS NULL)
       AND coalesce(commerce_order_number, :number) = :number
       AND coalesce(commerce_order_id, :entity_id) = :entity_id
    RETURNING id
""").bindparams(
    sa.bindparam("number", type_=sa.Text), sa.bindparam("entity_id", type_=sa.BigInteger)
)
_LINES = sa.text("""
    UPDATE order_lines l SET commerce_item_id = v.item
      FROM jsonb_to_recordset(:items) AS v(line_number text, item bigint)
     WHERE l.store_id = :store_id AND l.order_id = :order_id AND l.line_number = v.line_number
       AND l.commerce_item_id IS NULL
""").bindparams(sa.bindparam("items", type_=JSONB))


async def keep(
    connection: Connection, store_id: int, order_id: UUID, link: Link, ids: timeline.NewId
) -> None:
    """Write a link where none is; the caller holds the order. Another one is left as it is.

    Pollers carry out what waited for it.
    """
    place = {"store_id": store_id, "order_id": order_id}
    named = {"number": link.number, "entity_id": link.entity_id}
    await commerce_events.hold_link(connection, store_id, link.entity_id)
    if await commerce_events.others_with(connection, store_id, link.entity_id, order_id):
        return
    if (await connection.execute(_ORDER, place | named)).first() is None:
        return
    await commerce_events.adopt(connection, store_id, link.entity_id, order_id)
    items = [{"line_number": line, "item": item} for line, item in sorted(link.items.items())]
    await connection.execute(_LINES, place | {"items": items})
    detail = {
        "commerce_order_number": link.number,
        "commerce_order_id": link.entity_id,
        "lines": dict(link.items),
    }
    event = timeline.TimelineEvent("order_linked", "waybill", detail=detail)
    await timeline.add(connection, store_id, order_id, event, ids)
