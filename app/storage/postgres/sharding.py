"""Statements of rows of any stores, and the same of one store, which they name by a value.

Both come of one template. Where stores' rows lie on several servers (Citus), a statement belongs
to one of them only where it gives the store as a value for each table; a join with the rows it is
given says that of none. On one server the join is better: a plan that was made while tables were
small finds each row by its whole key, where one that has the store for a value may go through all
of the store's rows, for as long as its connection lasts.

In a template `AND <u>` says that the row u is of the one store, and is left out where any are
meant; `<u.store_id>` is the one store, or else that column. Words in a string that look like these
are not to be had in it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.storage.postgres.database import APART, Connection, Database
from app.storage.postgres.query import Reader, fetch
from app.storage.postgres.session import Row

_CONDITION = re.compile(r"\s+AND <(\w+)>")
_VALUE = re.compile(r"<(\w+\.store_id)>")
_PLACE = re.compile(r"\$(\d+)")


def of_any(template: str) -> str:
    """The form for rows of any stores."""
    return _VALUE.sub(r"\1", _CONDITION.sub("", template))


def of_one(template: str, store: str) -> str:
    """The form for rows of one; store: its number, as a parameter."""
    return _VALUE.sub(store, _CONDITION.sub(rf" AND \1.store_id = {store}", template))


class ShardedStatement:
    """A statement through SQLAlchemy, in both forms."""

    def __init__(
        self,
        template: str,
        *values: sa.BindParameter[Any],
        columns: Sequence[sa.Column[Any]] = (),
        **types: type[Any],
    ) -> None:
        store = sa.bindparam("store_id", type_=sa.Integer)
        one = sa.text(of_one(template, ":store_id")).bindparams(*values, store)
        several = sa.text(of_any(template)).bindparams(*values)
        self.one: sa.Executable = one.columns(*columns, **types) if columns else one
        self.several: sa.Executable = several.columns(*columns, **types) if columns else several

    async def execute(
        self, connection: Connection, store_ids: Iterable[int], values: Mapping[str, Any]
    ) -> sa.CursorResult[Any]:
        """Carry it out; store_ids: whose rows it is given, or none for every store's."""
        stores = set(store_ids)
        if len(stores) == 1 and connection.info[APART]:
            return await connection.execute(self.one, {**values, "store_id": stores.pop()})
        return await connection.execute(self.several, values)


class ShardedQuery:
    """A statement of plain text with $1, $2 …, in both forms; one store's number comes last.

    For looks that find each row by its key whatever the planner expects (a LATERAL with an end of
    its own): so it has the form of one store on one server, too.
    """

    def __init__(self, template: str) -> None:
        last = max(int(place) for place in _PLACE.findall(template))
        self._one = of_one(template, f"${last + 1}::int")
        self._any = of_any(template)

    async def fetch(
        self, reader: Reader, store_ids: Iterable[int], *values: object
    ) -> Sequence[Row]:
        """Ask it; store_ids: whose rows it is given. Raises as the reader does."""
        stores = set(store_ids)
        if len(stores) == 1:
            return await fetch(reader, self._one, *values, stores.pop())
        return await fetch(reader, self._any, *values)


class Sweep(ShardedStatement):
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
        if not await database.is_sharded():
            return [()]
        async with database.begin() as connection:
            rows = await connection.execute(self._whose, values)
            return [(row.store_id,) for row in rows]
