"""Ownership of accounts and names that several stores have shared since before it was refused.

One store owns them: the unique indexes contain the owner and not the stores that share with it.
"""

from typing import Any

from app.storage.postgres import sql
from app.storage.postgres.database import Connection

_LOCK = sql.load("stores/lock_stores.sql")
_PASS_ON_ACCOUNT = sql.load(
    "stores/pass_on.sql",
    shared="account_shared",
    same="market = :market AND walmart_client_id = :walmart_client_id",
)
_PASS_ON_NAME = sql.load(
    "stores/pass_on.sql", shared="name_shared", same="lower(name) = lower(:name)"
)


async def lock(connection: Connection, store_id: int) -> dict[str, Any]:
    """The account and name of a store, locked together with the stores that share them."""
    rows = (await _LOCK.execute(connection, {"store_id": store_id})).mappings()
    return next(dict(row) for row in rows if row["store_id"] == store_id)


async def pass_on(connection: Connection, before: dict[str, Any]) -> None:
    """Give the account and name that a store gave up to the oldest store that shares them.

    before: the account and name of the store, by `lock`.
    """
    await _PASS_ON_ACCOUNT.execute(connection, before)
    await _PASS_ON_NAME.execute(connection, before)
