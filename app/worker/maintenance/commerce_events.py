"""Carries out Commerce's events that waited for a link or the end of a doubt."""

from app.storage.commerce import events
from app.usecases.context import AppContext


async def carry_out_waiting(context: AppContext) -> bool:
    """Carry out events that may be carried out by now. True means that more are left."""
    found = await events.take(context.database)
    if found:
        # The use cases of shipments and refunds, which a poller without events does not need.
        from app.usecases.commerce_events import replay  # noqa: PLC0415

        await replay.replay_all(context, found)
    return len(found) >= events.BATCH
