"""Marks orders close to their ship-by time, so that people are warned once."""

from app.storage.orders import ship_by
from app.usecases.context import AppContext


async def mark_near(context: AppContext, warning: float) -> bool:
    """Mark a batch of orders that must ship within `warning` seconds."""
    return await ship_by.mark(context.database, warning, context.new_id) >= ship_by.BATCH
