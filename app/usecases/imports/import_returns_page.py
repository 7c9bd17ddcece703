"""A page of Walmart's returns: their orders are imported where nobody knows them yet."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType

from app.domain.orders.returns import Return
from app.storage.commerce import events
from app.storage.returns import returns
from app.usecases.commerce_events.handle import replay_all
from app.usecases.context import AppContext
from app.usecases.imports import sync_order
from app.usecases.walmart_reader import UNLIMITED, WalmartReader
from app.walmart import errors
from app.walmart.credentials import SellerCredentials

_NONE: Mapping[str, str] = MappingProxyType({})
UNREADABLE = {
    "code": "return_unreadable",
    "suggestion": "Look at it in Seller Center; it is read again when Walmart changes it.",
}


async def save_page(
    context: AppContext,
    account: SellerCredentials,
    shown: Sequence[Return],
    unreadable: Mapping[str, str] = _NONE,
    *,
    hold: WalmartReader = UNLIMITED,
    look: Callable[[str], Awaitable[None]] | None = None,
) -> int:
    """Write returns down; answers how many are new or have changed.

    unreadable: why others of the page cannot be told, by number. look: how an order is read that
    nobody knows yet; a return stands without one that could not be. Raises what that raises, by
    itself WalmartError.
    """
    numbers = list(dict.fromkeys(number for each in shown for number in each.purchase_orders))
    async with context.transaction() as connection:
        known = await returns.orders_of(connection, account.store_id, numbers)
    for number in numbers:
        if number in known:
            continue
        if look is not None:
            await look(number)
            continue
        try:
            await sync_order.sync_order(context, account, number, hold=hold)
        except errors.NotFound:
            # The return stands without its order, until that comes.
            continue
    failures = _failures(context, unreadable)
    async with context.transaction() as connection:
        await hold.check(connection)
        changed = await returns.save(connection, account.store_id, shown, context.new_id)
        await returns.save_unreadable(connection, account.store_id, failures, context.new_id)
        places = await returns.orders_of(connection, account.store_id, numbers)
        credited = await events.refused_as(
            connection, account.store_id, places.values(), [events.NO_RETURN]
        )
    # A credit memo of Commerce's may have come before its return.
    await replay_all(context, credited)
    return changed


def _failures(context: AppContext, unreadable: Mapping[str, str]) -> dict[str, dict[str, str]]:
    at = context.now().isoformat().replace("+00:00", "Z")
    return {
        number: UNREADABLE
        | {"message": f"Walmart shows this return, and {why}.", "occurred_at": at}
        for number, why in unreadable.items()
        if number
    }
