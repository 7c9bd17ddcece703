"""The store of a form: the picked one, or the one that the form names."""

from app.storage.queries.store_names import StoreName
from app.web.page.context import PageContext


def picked_store(context: PageContext) -> StoreName | None:
    """The store that a form acts on, of those that the person may see. None: none is chosen."""
    if context.store is not None:
        return context.store
    given = context.form.get("store_id")
    return next((each for each in context.stores if str(each.id) == given), None)
