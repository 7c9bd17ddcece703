"""Imports a page of returns; orders that are not known yet are imported first."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType

from app.domain.orders.returns import Return
from app.domain.seller_credentials import SellerCredentials
from app.storage.commerce import events
from app.storage.returns import returns
from app.usecases.context import AppContext
from app.usecases.imports import sync_order
from app.usecases.walmart_reader import UNLIMITED, WalmartReader
from app.walmart import errors

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
    reader: WalmartReader = UNLIMITED,
    import_order: Callable[[str], Awaitable[None]] | None = None,
) -> int:
    """Store returns; answers how many are new or changed.

    unreadable: by return number, why the return could not be parsed. import_order: imports an
    order that is not known yet (default: `sync_order`); a return is stored without an order that
    could not be imported. Raises what import_order raises, by default WalmartError.
    """
    shown = await _wanted(context, account.store_id, shown)
    numbers = list(dict.fromkeys(number for each in shown for number in each.purchase_orders))
    async with context.transaction() as connection:
        known = await returns.orders_of(connection, account.store_id, numbers)
    for number in numbers:
        if number in known:
            continue
        if import_order is not None:
            await import_order(number)
            continue
        try:
            await sync_order.sync_order(context, account, number, reader=reader)
        except errors.NotFound:
            # The return is stored without its order, until the order is imported.
            continue
    failures = _failures(context, unreadable)
    async with context.transaction() as connection:
        await reader.check(connection)
        changed = await returns.save(connection, account.store_id, shown, context.new_id)
        await returns.save_unreadable(connection, account.store_id, failures, context.new_id)
        places = await returns.orders_of(connection, account.store_id, numbers)
        credited = await events.refused_as(
            connection, account.store_id, places.values(), [events.NO_RETURN]
        )
    # A credit memo may have come before its return. Few do, and its use cases are many.
    if credited:
        from app.usecases.commerce_events.replay import replay_all  # noqa: PLC0415

        await replay_all(context, credited)
    return changed


async def _wanted(context: AppContext, store_id: int, shown: Sequence[Return]) -> Sequence[Return]:
    """The returns that are stored already, or are not above the age limit."""
    now = context.now()
    old = {each.return_order_id for each in shown if context.age_limits.passes_return(each, now)}
    if not old:
        return shown
    async with context.transaction() as connection:
        old -= await returns.stored(connection, store_id, old)
    return [each for each in shown if each.return_order_id not in old]


def _failures(context: AppContext, unreadable: Mapping[str, str]) -> dict[str, dict[str, str]]:
    at = context.now().isoformat().replace("+00:00", "Z")
    return {
        number: UNREADABLE
        | {"message": f"Walmart shows this return, and {why}.", "occurred_at": at}
        for number, why in unreadable.items()
        if number
    }
