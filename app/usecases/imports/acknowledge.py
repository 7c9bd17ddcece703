"""The first update of an order that Waybill did not know: its acknowledgement."""

from uuid import UUID

from app.domain import ids
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.update import Kind
from app.storage.orders import accept
from app.storage.postgres.database import Connection
from app.usecases.context import AppContext


async def acknowledge(
    connection: Connection, context: AppContext, order_id: UUID, *, subject: str, actor: str
) -> None:
    """Append the order's first update, the acknowledgement."""
    store = ids.store_of(order_id) or 0
    await accept.append(
        connection,
        NewUpdate(
            store_id=store,
            id=context.new_id(store),
            kind=Kind.ACKNOWLEDGEMENT,
            subject=subject,
            sequence=1,
            order_id=order_id,
            requested_by=actor,
            payload={},
        ),
    )
