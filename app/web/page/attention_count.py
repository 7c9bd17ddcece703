"""How many problems wait for a person, for the header and the title of every page."""

from app.usecases.context import AppContext


async def attention_count(context: AppContext, store_id: int | None) -> int:
    """The number of causes that need action, of one store, or of all (None)."""
    del context, store_id
    return 0
