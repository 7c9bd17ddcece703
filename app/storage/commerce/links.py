"""Links between Walmart's and Commerce's orders, as Commerce itself gives them."""

from uuid import UUID

from app.domain.orders.order import Link
from app.domain.orders.order_event import OrderEvent
from app.storage import timeline
from app.storage.commerce import events as commerce_events
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement

_LINK = sql.load("commerce/link_order.sql")
_LINES = Statement("""
    UPDATE order_lines l SET commerce_item_id = v.item
      FROM jsonb_to_recordset(:items::jsonb) AS v(line_number text, item bigint)
     WHERE l.store_id = :store_id AND l.order_id = :order_id AND l.line_number = v.line_number
       AND l.commerce_item_id IS NULL AND l.commerce_items IS NULL
""")


async def keep(
    connection: Connection, store_id: int, order_id: UUID, link: Link, ids: timeline.NewId
) -> None:
    """Link an order that has no link; another link stays. The caller has locked the order.

    Pollers carry out the events that waited for the link.
    """
    key = {"store_id": store_id, "order_id": order_id}
    named = {"number": link.number, "entity_id": link.entity_id}
    await commerce_events.lock_links(connection, store_id, link.entity_id)
    if await commerce_events.others_with(connection, store_id, link.entity_id, order_id):
        return
    if (await _LINK.execute(connection, key | named)).first() is None:
        return
    await commerce_events.adopt(connection, store_id, link.entity_id, order_id)
    items = [{"line_number": line, "item": item} for line, item in sorted(link.items.items())]
    await _LINES.execute(connection, key | {"items": items})
    detail = {
        "commerce_order_number": link.number,
        "commerce_order_id": link.entity_id,
        "lines": dict(link.items),
    }
    event = timeline.TimelineEvent(OrderEvent.ORDER_LINKED, timeline.WAYBILL, detail=detail)
    await timeline.add(connection, store_id, order_id, event, ids)
