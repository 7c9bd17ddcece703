"""On what terms a reader of Walmart asks and writes: here on none but the caller's own word."""

from app.intake.desk import Desk
from app.storage.database import Connection
from app.walmart.account import Account
from app.walmart.client import Answer


class Hold:
    """How one order is asked for, and what must still be true where it is written down.

    Whoever reads for long, beside others, has terms of its own (`app/sync/gate.py`).
    """

    async def read_order(self, desk: Desk, account: Account, number: str) -> Answer:
        """Read an order. Raises WalmartError."""
        return await desk.walmart.read_order(account, number)

    async def check(self, connection: Connection) -> None:
        """Raise where the caller may not write any more; then nothing is written."""
        del connection


FREE = Hold()
