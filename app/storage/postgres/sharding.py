"""One SQL template, two statements: a multi-store form, and a form for the rows of one store.

Where the tables are distributed by store (Citus), a statement runs on one server only if it
compares each table's store_id with a value; a join with the rows that it is given is no value.
On one server the multi-store join is better: a plan that was made while tables were small finds
each row by its whole key, whereas a plan with the store as a value may read all rows of the store
for as long as its connection lives.

In a template `AND <u>` says that the row u belongs to the one store; the multi-store form leaves
it out. `<u.store_id>` is the parameter `:store_id`, and in the multi-store form the column. A
template must not contain a string that looks like these.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from app.domain.errors import Invalid, Problem
from app.storage.postgres.database import SHARDED, Connection, Database
from app.storage.postgres.engine import AsyncConnection
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sql import Statement
from app.storage.postgres.surveys import survey

_CONDITION = re.compile(r"\s+AND <(\w+)>")
_VALUE = re.compile(r"<(\w+\.store_id)>")
# PostgreSQL would take a parameter that is merely selected for text.
_STORE = "CAST(:store_id AS int)"
_TO_EACH_NODE = "SELECT set_config('citus.propagate_set_commands', 'local', true)"


def of_any(template: str) -> str:
    """The form for rows of any stores."""
    return _VALUE.sub(r"\1", _CONDITION.sub("", template))


def of_one(template: str, store: str = _STORE) -> str:
    """The form for rows of one store, which is the parameter `:store_id`, or else store."""
    return _VALUE.sub(store, _CONDITION.sub(rf" AND \1.store_id = {store}", template))


async def mark(connection: Connection, settings: Mapping[str, str]) -> None:
    """Make settings for a transaction, before its first row, that triggers of its rows read."""
    if settings and connection.info[SHARDED]:
        # Triggers run on the row's node. SET LOCAL then reaches it, set_config() does not.
        await connection.exec_driver_sql(_TO_EACH_NODE)
    for name, value in settings.items():
        await connection.exec_driver_sql(f"SET LOCAL {name} = '{value}'")


async def is_sharded(reader: Reader) -> bool:
    """Whether the tables are distributed by store. Raises NotAvailable."""
    if isinstance(reader, AsyncConnection):
        return bool(reader.info[SHARDED])
    return await reader.is_sharded()


def store_required() -> Invalid:
    """The error of a request for all stores that only one server could answer."""
    message = (
        "This installation keeps its stores on several database servers: name the store of the "
        "list."
    )
    code = "store_id_required"
    return Invalid(code, message, [Problem(code, message, "/store_id")])


class ShardedCommand:
    """A template that runs in a transaction: the one-store form only where tables are sharded.

    of_one_store: another template for one store, where it differs by more than the store.
    """

    def __init__(self, template: str, of_one_store: str | None = None) -> None:
        self._one = Statement(of_one(of_one_store or template))
        self._several = Statement(of_any(template))

    def form(self, *, one: bool) -> Statement:
        """The form for one store, which it takes as `store_id`, or the multi-store form."""
        return self._one if one else self._several

    async def execute(
        self, connection: Connection, store_ids: Iterable[int], values: Mapping[str, Any]
    ) -> sa.CursorResult[Any]:
        """Run the statement. store_ids: the stores of its rows; empty means every store."""
        stores = set(store_ids)
        if len(stores) == 1 and connection.info[SHARDED]:
            return await self._one.execute(connection, {**values, "store_id": stores.pop()})
        return await self._several.execute(connection, values)


class ShardedQuery:
    """A template that only reads: the one-store form for one store, sharded or not.

    The template must find each row by its key whatever the planner expects, in a LATERAL with a
    limit of its own; so the one-store form is as good on one server. of_one_store: another template
    for one store, where it differs by more than the store.
    """

    def __init__(self, template: str, of_one_store: str | None = None) -> None:
        self._one = Statement(of_one(of_one_store or template))
        self._several = Statement(of_any(template))

    async def fetch(
        self, reader: Reader, store_ids: Iterable[int] | None, values: Mapping[str, Any]
    ) -> Sequence[Row]:
        """Run the query. store_ids: the stores of its rows; None means every store.

        Where tables are sharded, rows of several stores are those of one store after the other.
        Raises as the reader does, and Invalid store_id_required for every store there.
        """
        stores = None if store_ids is None else set(store_ids)
        if stores is None or len(stores) > 1:
            if not await is_sharded(reader):
                return await self._several.fetch(reader, values)
            # mutation: store-required-on-shards
            if stores is None:
                raise store_required()
        found: list[Row] = []
        for store_id in sorted(stores):
            found += await self._one.fetch(reader, {**values, "store_id": store_id})
        return found


class Fetchable(Protocol):
    """A statement, or several that together answer as one."""

    async def fetch(self, reader: Reader, values: Mapping[str, Any]) -> Sequence[Row]:
        """Run it. Raises as the reader does."""


class AllShardsQuery:
    """A query about every store, with another form that several servers can answer together."""

    def __init__(self, alone: Fetchable, sharded: Fetchable) -> None:
        self._alone, self._sharded = alone, sharded

    async def fetch(self, reader: Reader, values: Mapping[str, Any]) -> Sequence[Row]:
        """Run the query. Raises as the reader does."""
        statement = self._sharded if await is_sharded(reader) else self._alone
        return await statement.fetch(reader, values)


class Sweep(ShardedCommand):
    """A statement that works on some of the rows that are due, of all stores or of one at a time.

    due: FROM and WHERE of the rows d that are due. template: the statement, with <due> in their
    place. since: an expression for when a row became due; the store with the oldest row is
    first. None means that every store has its turn in each round.
    """

    def __init__(
        self, due: str, template: str, *, since: str | None = None, of_one_store: str | None = None
    ) -> None:
        of_due = f"{due} AND <d>"
        one = (of_one_store or template).replace("<due>", of_due)
        super().__init__(template.replace("<due>", of_due), one)
        order = "" if since is None else f" ORDER BY min({since})"
        self._stores = Statement(of_any(f"SELECT d.store_id {due} GROUP BY d.store_id{order}"))

    async def turns(self, database: Database, values: Mapping[str, Any]) -> list[tuple[int, ...]]:
        """The stores to pass to `execute`, one turn after another. Raises NotAvailable.

        One turn of all stores, which is (); where tables are sharded, one turn for each store that
        has a row due.
        """
        if not await database.is_sharded():
            return [()]
        async with survey(database) as connection:
            rows = await self._stores.execute(connection, values)
            return [(row.store_id,) for row in rows]
