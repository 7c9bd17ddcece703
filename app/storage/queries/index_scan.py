"""Keyset pages by loose index scans, immune to the planner's misestimates.

Every index begins with the store. Behind it there may be columns of which a list fixes some and
leaves the others open: a store with one value of each is a group, and the rows of a group are in
the list's order. The first rows of the groups are merged. The cost depends on the groups and on the
rows of a page, never on the rows of the table.

PostgreSQL gets no choice: where it expects few rows it reads and sorts them all, and it expects too
few wherever it takes the columns of a filter for independent. So a group is not an equation but a
range of an index, between two ends of which the planner knows nothing, ordered by all columns of
that index, which is an order that no other index has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import AllShardsQuery, Fetchable
from app.storage.queries import index_scan_shards, index_scan_sql
from app.storage.queries.index_scan_sql import IndexScan, parameter

_End = tuple[datetime, UUID]
_What = Literal["page", "few", "count"]
_BUILDERS: Mapping[_What, tuple[Callable[..., Fetchable], Callable[..., Fetchable]]] = {
    "page": (index_scan_sql.page, index_scan_shards.page),
    "few": (index_scan_sql.few, index_scan_shards.few),
    "count": (index_scan_sql.count, index_scan_shards.count),
}
_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
# asyncpg's values for -infinity and infinity.
NEVER, _FOREVER = datetime.min, datetime.max  # noqa: DTZ901 - naive, as asyncpg knows them
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Which part of an index to read: at most limit rows."""

    limit: int
    store_id: int | None = None
    """None means every store."""
    values: tuple[tuple[object, ...], ...] = ()
    """The wanted values of the first columns of the prefix; the other columns are left open."""
    behind: tuple[datetime, UUID] | None = None
    """Key and id of the last row of the page before."""
    since: datetime | None = None
    """Keys before it are left out."""
    until: datetime | None = None
    """This key and later ones are left out."""


async def page(
    reader: Reader, scan: IndexScan, part: KeyRange, values: Mapping[str, Any] = _NOTHING
) -> Sequence[Row]:
    """The rows in the scan's order. values: parameters of the scan's own condition."""
    statement = _statement("page", scan, part)
    return await statement.fetch(reader, {**values, **_values(scan, part)})


async def few(reader: Reader, scan: IndexScan, part: KeyRange) -> Sequence[Row] | None:
    """All rows, in no order. None means that there are as many as the limit, or more."""
    rows = await _statement("few", scan, part).fetch(reader, _values(scan, part))
    counted = rows[0]["counted"]
    if counted >= part.limit:
        return None
    return rows if counted else ()


async def count(reader: Reader, scan: IndexScan, part: KeyRange) -> tuple[int, datetime | None]:
    """How many rows there are, at most the limit, and the first key of all."""
    statement = _statement("count", scan, part)
    (row,) = await statement.fetch(reader, _values(scan, part))
    return row["count"], row["first"]


def _values(scan: IndexScan, part: KeyRange) -> dict[str, Any]:
    """The parameters of a statement."""
    (key, row_id), (last_key, last_id) = _ends(part, descending=scan.descending)
    wanted = {
        parameter(column, number): value
        for column, some in enumerate(part.values)
        for number, value in enumerate(some)
    }
    ends = {"key": key, "id": row_id, "last_key": last_key, "last_id": last_id}
    return {**ends, **wanted, "store_id": part.store_id}


def _ends(part: KeyRange, *, descending: bool) -> tuple[_End, _End]:
    """The key and id behind which the part begins, and those before which it ends."""
    # No row has the first id, so a time with it separates earlier rows from those at that time.
    first = (NEVER, _FIRST_ID) if part.since is None else (part.since, _FIRST_ID)
    last = (_FOREVER, _LAST_ID) if part.until is None else (part.until, _FIRST_ID)
    begin, end = (last, first) if descending else (first, last)
    if part.behind is None:
        return begin, end
    # A cursor may come from another list, which began earlier.
    bounded = (part.until if descending else part.since) is not None
    further = min if descending else max
    return further(begin, part.behind) if bounded else part.behind, end


def _statement(what: _What, scan: IndexScan, part: KeyRange) -> Fetchable:
    shape = tuple(map(len, part.values))
    return _built(what, scan, shape, one=part.store_id is not None, limit=part.limit)


@lru_cache(maxsize=1000)
def _built(
    what: _What, scan: IndexScan, shape: tuple[int, ...], *, one: bool, limit: int
) -> Fetchable:
    alone, sharded = _BUILDERS[what]
    statement = alone(scan, shape, one=one, limit=limit)
    return statement if one else AllShardsQuery(statement, sharded(scan, shape, limit))
