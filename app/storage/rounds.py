"""Upkeep of what is due of every store: taken of all at once, or of one store after another.

Where stores' rows lie on several servers (Citus), rows are held of one store at a time: each
server is asked whose rows are due, which holds none, and then each store is named by a value.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from app.storage.database import Database
from app.storage.forms import Statement


class Round(Statement):
    """A statement that works on some of what is due, whoever's it is.

    due: FROM and WHERE of what is due, in rows d. template: the statement, in which <due> stands
    for that (forms.py has the rest of what it may say). since: when a row became due, where not
    all stores have a turn in one round: whose row has waited longest is first then.
    """

    def __init__(
        self, due: str, template: str, *values: sa.BindParameter[Any], since: str | None = None
    ) -> None:
        super().__init__(template.replace("<due>", f"{due} AND <d>"), *values)
        order = "" if since is None else f" ORDER BY min({since})"
        self._whose = sa.text(f"SELECT d.store_id {due} GROUP BY d.store_id{order}")

    async def turns(self, database: Database, values: Mapping[str, Any]) -> list[tuple[int, ...]]:
        """Whose rows are worked on, one after another. Raises NotAvailable.

        Every store's at once, for which () stands; where stores lie apart, each that has some due.
        """
        if not await database.apart():
            return [()]
        async with database.begin() as connection:
            rows = await connection.execute(self._whose, values)
            return [(row.store_id,) for row in rows]
