"""Marks orders whose ship-by time is near, so that people are warned once."""

from app.storage.orders import ship_by
from app.usecases.context import AppContext


async def mark_near(context: AppContext, warning: float) -> bool:
    """Mark a batch of orders whose ship-by time is less than `warning` seconds away."""
    return await ship_by.mark(context.database, warning, context.new_id) >= ship_by.BATCH
