"""A page of Walmart's returns: their orders are imported where nobody knows them yet."""

from collections.abc import Awaitable, Callable, Sequence

from app.intake import looking
from app.intake.desk import Desk
from app.intake.hold import FREE, Hold
from app.orders.returns import Return
from app.storage import returns
from app.walmart import errors
from app.walmart.account import Account


async def save_page(
    desk: Desk,
    account: Account,
    shown: Sequence[Return],
    *,
    hold: Hold = FREE,
    look: Callable[[str], Awaitable[None]] | None = None,
) -> int:
    """Write returns down; answers how many are new or have changed.

    look: how an order is read that nobody knows yet; a return stands without one that could not
    be. Raises what that raises, by itself WalmartError.
    """
    numbers = [each.purchase_order_id for each in shown if each.purchase_order_id is not None]
    async with desk.transaction() as connection:
        wanted = await returns.orders_wanted(connection, account.store_id, numbers)
    for number in wanted:
        if look is not None:
            await look(number)
            continue
        try:
            await looking.look(desk, account, number, hold=hold)
        except errors.NotFound:
            # The return stands without its order.
            continue
    async with desk.transaction() as connection:
        await hold.check(connection)
        return await returns.save(connection, account.store_id, shown, desk.new_id)
