"""Accounts and names that several stores have from before that was refused: one of them owns it.

The owner keeps others from it, by the unique indexes; those that share it are not in these.
"""

from typing import Any

import sqlalchemy as sa

from app.storage.postgres.database import Connection

# By number, so that two stores that give something up at once wait for each other. The second
# sees what became of the first, and no lock is in the way of rows that refer to stores.
_HOLD = sa.text("""
    SELECT s.store_id, s.market, s.walmart_client_id, s.name
      FROM stores s JOIN stores o ON o.store_id = :store_id
     WHERE s.store_id = o.store_id
        OR (s.market = o.market AND s.walmart_client_id = o.walmart_client_id)
        OR lower(s.name) = lower(o.name)
     ORDER BY s.store_id
       FOR NO KEY UPDATE OF s
""")
_INHERIT = """
    UPDATE stores SET {shared} = false
     WHERE store_id = (SELECT min(store_id) FROM stores WHERE {same} AND {shared})
       AND NOT EXISTS (SELECT FROM stores WHERE {same} AND NOT {shared})
"""
_ACCOUNT = sa.text(
    _INHERIT.format(
        shared="account_shared",
        same="market = :market AND walmart_client_id = :walmart_client_id",
    )
)
_NAME = sa.text(_INHERIT.format(shared="name_shared", same="lower(name) = lower(:name)"))


async def hold(connection: Connection, store_id: int) -> dict[str, Any]:
    """What a store has now; neither it nor who shares it changes until the transaction ends."""
    rows = (await connection.execute(_HOLD, {"store_id": store_id})).mappings()
    return next(dict(row) for row in rows if row["store_id"] == store_id)


async def pass_on(connection: Connection, before: dict[str, Any]) -> None:
    """Make the oldest store that shares what a store gave up its owner, where it has none.

    before: what that store had, by `hold`.
    """
    account = {name: before[name] for name in ("market", "walmart_client_id")}
    await connection.execute(_ACCOUNT, account)
    await connection.execute(_NAME, {"name": before["name"]})
