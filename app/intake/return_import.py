"""A page of Walmart's returns: their orders are imported where nobody knows them yet."""

from collections.abc import Sequence

from app.intake import importing
from app.intake.desk import Desk
from app.orders.returns import Return
from app.storage import returns
from app.walmart import errors
from app.walmart.account import Account


async def save_page(desk: Desk, account: Account, shown: Sequence[Return]) -> int:
    """Write returns down; answers how many are new or have changed.

    Raises WalmartError where an order of one cannot be read.
    """
    numbers = [each.purchase_order_id for each in shown if each.purchase_order_id is not None]
    async with desk.transaction() as connection:
        wanted = await returns.orders_wanted(connection, account.store_id, numbers)
    for number in wanted:
        try:
            answer = await desk.walmart.read_order(account, number)
        except errors.NotFound:
            # The return stands without its order.
            continue
        if answer.order is not None:
            await importing.import_page(desk, account.store_id, [answer.order], ())
    async with desk.transaction() as connection:
        return await returns.save(connection, account.store_id, shown, desk.new_id)
