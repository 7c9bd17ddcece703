"""Lists of orders: the newest first, by ship-by date, by what needs action, or by their changes.

A list is read by an index in its own order (`order_phases.py`). Filters that the index does not
have are checked row by row. Where one of them finds few orders (`order_candidates.py`), these are
read and sorted instead. Otherwise a page examines at most EXAMINED orders, and may have fewer rows
than asked for, or none, and yet be followed by others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from uuid import UUID

from app.storage.orders.repository import OrderKey
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery
from app.storage.queries import index_scan, order_candidates, order_views, orders_by_id
from app.storage.queries.index_scan_sql import IndexScan
from app.storage.queries.order_filter import OrderFilter
from app.storage.queries.order_phases import NEVER, PHASES
from app.storage.queries.pagination import After, KeysetPage
from app.storage.queries.views import OrderView

EXAMINED = 500
"""At most so many orders are examined for a page."""
# Orders that are examined where the others were nearly enough.
_SOME = 100
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an order is in a list."""

    phase: int
    key: datetime
    id: UUID

    @property
    def cursor(self) -> After:
        """As a cursor has it; the first phase is not named."""
        rest = (self.key.isoformat(), str(self.id))
        return (self.phase, *rest) if self.phase else rest


@dataclass(frozen=True, slots=True)
class _Found:
    """An order of a page: its place, and its row, which `order_views` may need more of."""

    place: _Place
    row: Row

    @property
    def key(self) -> OrderKey:
        return self.row["store_id"], self.row["id"]


async def orders(
    reader: Reader, wanted: OrderFilter, page: KeysetPage
) -> tuple[list[OrderView], After | None]:
    """A page of orders. Raises Invalid search_too_broad."""
    found, last = await _page(reader, wanted, page)
    if not found:
        return [], last
    if _checked(wanted):
        return await order_views.orders(reader, [each.key for each in found]), last
    return await order_views.views(reader, [each.row for each in found]), last


async def order_keys(
    reader: Reader, wanted: OrderFilter, page: KeysetPage
) -> tuple[list[OrderKey], After | None]:
    """The stores and ids of a page of orders. Raises Invalid search_too_broad."""
    found, last = await _page(reader, wanted, page)
    return [each.key for each in found], last


async def _page(
    reader: Reader, wanted: OrderFilter, page: KeysetPage
) -> tuple[Sequence[_Found], After | None]:
    after = _place(page.after) if page.after else None
    if after is not None and after.phase >= len(PHASES[wanted.order]):
        return [], None
    few = await order_candidates.find(reader, wanted) if _checked(wanted) else None
    if few is None:
        return await _listed(reader, wanted, after, page.limit)
    return await _sorted(reader, wanted, few, after, page.limit)


def _place(after: After) -> _Place:
    *phase, key, identifier = after
    return _Place(phase[0] if phase else 0, datetime.fromisoformat(key), UUID(identifier))


def _checked(wanted: OrderFilter) -> bool:
    """Whether a list has a condition that is checked row by row."""
    return wanted.q is not None or any(
        _conditions(wanted, phase)
        for phase, each in enumerate(PHASES[wanted.order])
        if each.of(wanted) is not None
    )


def _conditions(wanted: OrderFilter, phase: int) -> tuple[str, ...]:
    """What is checked of each row of the index of a phase."""
    here = PHASES[wanted.order][phase]
    part = here.of(wanted)
    covered = part.covered if part is not None else frozenset[str]()
    given = [each for name, each in wanted.conditions().items() if name not in covered]
    return (*given, *([here.unlike] if here.unlike else []))


async def _listed(
    reader: Reader, wanted: OrderFilter, after: _Place | None, limit: int
) -> tuple[Sequence[_Found], After | None]:
    """A page by indexes, phase by phase."""
    reading = _Reading(reader, wanted, limit)
    begin = after.phase if after else 0
    for phase in range(begin, len(PHASES[wanted.order])):
        behind = (after.key, after.id) if after and after.phase == phase else None
        cursor = await reading.phase(phase, behind)
        if cursor is not None:
            return reading.found[:limit], cursor
    return reading.found, None


class _Reading:
    """Reads one page by indexes."""

    def __init__(self, reader: Reader, wanted: OrderFilter, limit: int) -> None:
        self.found: list[_Found] = []
        self._reader, self._wanted, self._limit = reader, wanted, limit
        self._plain = not _checked(wanted)
        self._examined = 0

    async def phase(self, phase: int, behind: tuple[datetime, UUID] | None) -> After | None:
        """Read a phase as far as the page needs it.

        Returns the cursor behind the page. None means that the phase has no more orders.
        """
        while index := PHASES[self._wanted.order][phase].of(self._wanted):
            limit = self._next()
            part = replace(index.part, limit=limit, behind=behind)
            scan = self._scan(index.scan, phase)
            rows = await index_scan.page(self._reader, scan, part, self._wanted.values())
            examined = 0 if not rows else len(rows) if self._plain else rows[0]["examined"]
            self._examined += examined
            places = [_Place(phase, _known(row["key"]), row["id"]) for row in rows]
            pairs = zip(places, rows, strict=True)
            self.found += [_Found(place, row) for place, row in pairs if row["wanted"]]
            if len(self.found) > self._limit:
                return self.found[self._limit - 1].place.cursor
            if examined < limit:
                return None
            if self._examined >= EXAMINED:
                return places[-1].cursor
            behind = places[-1].key, places[-1].id
        return None

    def _scan(self, scan: IndexScan, phase: int) -> IndexScan:
        """The scan of a phase, with what is selected of each order."""
        if self._plain:
            return replace(scan, rows=f"{order_views.ROWS}, page.key, true AS wanted")
        checked = " AND ".join(_conditions(self._wanted, phase)) or "true"
        return replace(scan, rows="t.store_id, t.id, page.key", checked=checked)

    def _next(self) -> int:
        """How many orders to read next: few numbers, as each is a statement of its own."""
        first = self._limit + 1
        if self._plain or not self._examined:
            # A page is usually full with the first orders that are examined.
            return first
        missing = first - len(self.found)
        likely = self._examined * missing <= _SOME * len(self.found)
        return min(_SOME if likely else EXAMINED, EXAMINED - self._examined)


def _known(key: datetime) -> datetime:
    """The key of an order, or NEVER in place of the -infinity of an order without a date."""
    return key if key.tzinfo is not None else NEVER


async def _sorted(
    reader: Reader,
    wanted: OrderFilter,
    keys: Sequence[OrderKey],
    after: _Place | None,
    limit: int,
) -> tuple[Sequence[_Found], After | None]:
    """A page of some orders as far as they pass the filter."""
    query = _candidates(wanted.order, tuple(wanted.conditions().values()))
    rows = await orders_by_id.rows(query, reader, keys, wanted.values()) if keys else []
    found = [_Found(_Place(row["phase"], row["key"] or NEVER, row["id"]), row) for row in rows]
    ranked = sorted(((_rank(wanted.order, each.place), each) for each in found), key=itemgetter(0))
    behind = _rank(wanted.order, after) if after else None
    rest = [each for rank, each in ranked if behind is None or rank > behind]
    return rest[:limit], rest[limit - 1].place.cursor if len(rest) > limit else None


async def among(reader: Reader, wanted: OrderFilter, keys: Sequence[OrderKey]) -> list[OrderKey]:
    """Those of some orders that pass the filter."""
    query = _candidates(wanted.order, tuple(wanted.conditions().values()))
    rows = await orders_by_id.rows(query, reader, keys, wanted.values()) if keys else []
    return [(row["store_id"], row["id"]) for row in rows]


def _rank(order: str, place: _Place) -> tuple[int, int, int]:
    """A key that sorts places as the phases do: phase, microseconds and id."""
    sign = -1 if PHASES[order][place.phase].descending else 1
    return place.phase, sign * ((place.key - NEVER) // _MICROSECOND), sign * place.id.int


@lru_cache(maxsize=1000)
def _candidates(order: str, conditions: tuple[str, ...]) -> ShardedQuery:
    """The query of the phases and keys of some orders, with these conditions."""
    phases = PHASES[order]
    numbered = "".join(f" WHEN {each.among} THEN {n}" for n, each in enumerate(phases))
    keys = "".join(
        f" WHEN {each.among} THEN {each.key if each.dated else 'NULL::timestamptz'}"
        for each in phases
    )
    return ShardedQuery(
        sql.read(
            "queries/list_candidates.sql",
            phase=f"CASE{numbered} END",
            key=f"CASE{keys} END",
            among=" AND ".join(conditions) or "true",
        )
    )
