"""A page of a list, read off an index that has the list's order, whatever PostgreSQL expects.

Every index begins with the store. Behind it may stand columns of which the list fixes some and
takes the others as they come: a store with one value of each is a group, whose rows lie in the
list's order. The first rows of the groups are merged. It costs by groups and by rows of a page,
never by rows in the table.

PostgreSQL is not left to choose: where it expects few rows it reads and sorts them all, and it
expects too few wherever it takes the columns of a filter for independent. So a group is not an
equation but a stretch of an index, between two ends of which the planner knows nothing, ordered
by all the columns of that index, an order that no other index has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from app.storage.postgres.query import Reader, fetch
from app.storage.postgres.session import Row
from app.storage.queries import index_scan_sql
from app.storage.queries.index_scan_sql import IndexScan

_End = tuple[datetime, UUID]
_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
# asyncpg's words for times without end.
_NEVER, _FOREVER = datetime.min, datetime.max  # noqa: DTZ901 - naive, as asyncpg knows them


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Which part of a walk: at most limit rows.

    store_id: of one store, or of all. values: for each column of the prefix, from its first on,
    the values wanted; columns without are taken as they come. behind: key and id of the row
    before. since, until: of a walk that ascends, the first key and the one before which it ends.
    """

    limit: int
    store_id: int | None = None
    values: tuple[tuple[object, ...], ...] = ()
    behind: tuple[datetime, UUID] | None = None
    since: datetime | None = None
    until: datetime | None = None


async def page(reader: Reader, walk: IndexScan, stretch: KeyRange, *more: object) -> Sequence[Row]:
    """The rows in the walk's order. more: what the walk's words call $1, $2 …"""
    begin, end = _ends(stretch, descending=walk.descending)
    shape = tuple(map(len, stretch.values))
    values: list[Any] = [value for some in stretch.values for value in some]
    one = stretch.store_id is not None
    text = _text(walk, shape, len(more), one=one, limit=stretch.limit)
    stores = [stretch.store_id] if one else []
    return await fetch(reader, text, *more, *begin, *end, *stores, *values)


def _ends(stretch: KeyRange, *, descending: bool) -> tuple[_End, _End]:
    """Behind which key and id it begins and before which it ends; both are left out."""
    if descending:
        return stretch.behind or (_FOREVER, _LAST_ID), (_NEVER, _FIRST_ID)
    # No row has the first id, so a time with it parts what is before from what is at that time.
    end = (stretch.until or _FOREVER, _FIRST_ID)
    if stretch.since is None:
        return stretch.behind or (_NEVER, _FIRST_ID), end
    begin = (stretch.since, _FIRST_ID)
    # A cursor may be of another list, which began earlier.
    return begin if stretch.behind is None else max(begin, stretch.behind), end


@lru_cache(maxsize=1000)
def _text(walk: IndexScan, shape: tuple[int, ...], more: int, *, one: bool, limit: int) -> str:
    return index_scan_sql.statement(walk, shape, more, one=one, limit=limit)
