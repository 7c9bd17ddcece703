"""A page of Walmart's returns: their orders are imported where nobody knows them yet."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from app.intake import importing
from app.intake.desk import Desk
from app.orders.returns import Return
from app.storage import returns
from app.walmart import errors
from app.walmart.account import Account

_NONE: Mapping[str, str] = MappingProxyType({})
UNREADABLE = {
    "code": "return_unreadable",
    "suggestion": "Look at it in Seller Center; it is read again when Walmart changes it.",
}


async def save_page(
    desk: Desk, account: Account, shown: Sequence[Return], unreadable: Mapping[str, str] = _NONE
) -> int:
    """Write returns down; answers how many are new or have changed.

    unreadable: why others of the page cannot be told, by number. Raises WalmartError where an
    order of one cannot be read.
    """
    numbers = list(dict.fromkeys(number for each in shown for number in each.purchase_orders))
    async with desk.transaction() as connection:
        known = await returns.orders_of(connection, account.store_id, numbers)
    for number in numbers:
        if number in known:
            continue
        try:
            answer = await desk.walmart.read_order(account, number)
        except errors.NotFound:
            # The return stands without its order, until that comes.
            continue
        if answer.order is not None:
            await importing.import_page(desk, account.store_id, [answer.order], ())
    at = desk.now().isoformat().replace("+00:00", "Z")
    failures = {
        number: UNREADABLE
        | {"message": f"Walmart shows this return, and {why}.", "occurred_at": at}
        for number, why in unreadable.items()
        if number
    }
    async with desk.transaction() as connection:
        changed = await returns.save(connection, account.store_id, shown, desk.new_id)
        await returns.save_unreadable(connection, account.store_id, failures, desk.new_id)
        return changed
