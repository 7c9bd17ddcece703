"""Returns the updates of pollers that stopped answering to the outbox."""

from app.storage.outbox import rescue
from app.usecases.context import AppContext


async def rescue_expired(context: AppContext, quiet_period: float) -> bool:
    """Return each update whose lease has ended, and wake the pollers.

    quiet_period: seconds after the end of a lease in which a write may still take effect.
    """
    if await rescue.rescue(context.database, context.new_id, quiet_period):
        context.wake()
    return False
