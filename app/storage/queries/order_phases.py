"""The phases of each list of orders: parts that follow each other, each in the order of an index.

A list that is sorted by what needs action, for example, has the orders that do, by their ship-by
date, then all others, the newest first, and last those without a date.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from app.storage.queries.index_scan import KeyRange
from app.storage.queries.index_scan_sql import IndexScan
from app.storage.queries.order_filter import (
    ATTENTION,
    STATUSES,
    UNSHIPPED,
    UNSHIPPED_STATUSES,
    WITHOUT_COMMERCE,
    OrderFilter,
    OrderSort,
)

# In a cursor, in place of an unknown date. No order is as old.
NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
_LAST = "'9999-12-31 00:00:00+00'::timestamptz"
# In the words of the index.
ATTENTION_KEY = f"coalesce(CASE WHEN {UNSHIPPED} THEN t.ship_by END, {_LAST})"
_FLAG, _STATUS = (f"({WITHOUT_COMMERCE})", "boolean"), ("t.status", "text")
_NEWEST = IndexScan("orders", (), "t.ordered_at", "")
_NEWEST_OF_STATUS = replace(_NEWEST, prefix=(_STATUS,))
NEWEST_WITHOUT = replace(_NEWEST_OF_STATUS, where=WITHOUT_COMMERCE)
_CHANGED = replace(_NEWEST, key="t.updated_at", descending=False)
CHANGED_OF_STATUS = replace(_CHANGED, prefix=(_FLAG, _STATUS))
LEAVING = replace(CHANGED_OF_STATUS, key="t.ship_by", where=UNSHIPPED)
ATTENTION_SCAN = replace(_CHANGED, key=ATTENTION_KEY, where=ATTENTION)


@dataclass(frozen=True, slots=True)
class IndexPart:
    """The part of an index that has a phase, and the filters that this part fulfils by itself."""

    scan: IndexScan
    part: KeyRange
    covered: frozenset[str] = frozenset()


# Chooses the index of a phase for a filter and the possible statuses.
_Choose = Callable[[OrderFilter, tuple[str, ...]], IndexPart]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a list."""

    choose: _Choose
    key: str
    descending: bool = False
    among: str = "true"
    """Which orders are in it, if none of the former phases has them."""
    unlike: str | None = None
    """What the index of the phase has beside them: a condition that leaves it out."""
    statuses: tuple[str, ...] = STATUSES
    dated: bool = True
    """False: the orders without a key, by id."""

    def of(self, wanted: OrderFilter) -> IndexPart | None:
        """The part of an index to read. None means that the list has no such orders."""
        statuses = tuple(each for each in wanted.possible if each in self.statuses)
        chosen = self.choose(wanted, statuses)
        bounded = chosen.part.since is not None or chosen.part.until is not None
        if not statuses or (bounded and not self.dated):
            return None
        scan = replace(
            chosen.scan,
            descending=self.descending,
            undated=not self.dated,
        )
        return replace(chosen, scan=scan)


def _flags(wanted: OrderFilter) -> tuple[bool, ...]:
    return (True,) if wanted.without_commerce_order else (True, False)


def _newest(wanted: OrderFilter, statuses: tuple[str, ...]) -> IndexPart:
    part = KeyRange(0, wanted.store_id, since=wanted.ordered_from, until=wanted.ordered_to)
    covered = frozenset({"statuses", "ordered_from", "ordered_to", "without_commerce_order"})
    if wanted.without_commerce_order:
        return IndexPart(NEWEST_WITHOUT, replace(part, values=(statuses,)), covered)
    if statuses == STATUSES:
        return IndexPart(_NEWEST, part, covered)
    return IndexPart(_NEWEST_OF_STATUS, replace(part, values=(statuses,)), covered)


def _changed(wanted: OrderFilter, statuses: tuple[str, ...]) -> IndexPart:
    part = KeyRange(0, wanted.store_id, since=wanted.updated_since)
    covered = frozenset({"statuses", "updated_since", "without_commerce_order"})
    if statuses == STATUSES and not wanted.without_commerce_order:
        return IndexPart(_CHANGED, part, covered)
    part = replace(part, values=(_flags(wanted), statuses))
    return IndexPart(CHANGED_OF_STATUS, part, covered)


def _leaving(wanted: OrderFilter, statuses: tuple[str, ...]) -> IndexPart:
    values = (_flags(wanted), statuses)
    part = KeyRange(0, wanted.store_id, values, since=wanted.ship_from, until=wanted.ship_before)
    covered = {"statuses", "ship_from", "ship_before", "without_commerce_order"}
    return IndexPart(LEAVING, part, frozenset(covered))


def _attention(wanted: OrderFilter, statuses: tuple[str, ...]) -> IndexPart:
    covered = {"statuses"} if statuses == STATUSES else set()
    return IndexPart(ATTENTION_SCAN, KeyRange(0, wanted.store_id), frozenset(covered))


_BY_TIME = Phase(_newest, "t.ordered_at", descending=True, among="t.ordered_at IS NOT NULL")
_UNDATED = replace(_BY_TIME, among="true", dated=False)
_SHIP_BY = Phase(
    _leaving,
    "t.ship_by",
    among=f"({UNSHIPPED} AND t.ship_by IS NOT NULL)",
    statuses=UNSHIPPED_STATUSES,
)
_GONE = f"NOT ({UNSHIPPED})"
_OTHERS = ("shipped", "canceled", "error")

PHASES: Mapping[str, tuple[Phase, ...]] = {
    OrderSort.NEWEST: (_BY_TIME, _UNDATED),
    OrderSort.UPDATED: (Phase(_changed, "t.updated_at", descending=True),),
    "changed": (Phase(_changed, "t.updated_at"),),
    "leaving": (_SHIP_BY,),
    OrderSort.SHIP_BY: (
        _SHIP_BY,
        replace(_SHIP_BY, among=UNSHIPPED, dated=False),
        *(replace(each, unlike=_GONE, statuses=_OTHERS) for each in (_BY_TIME, _UNDATED)),
    ),
    OrderSort.ATTENTION: (
        Phase(_attention, ATTENTION_KEY, among=ATTENTION),
        # Each order in error needs action.
        *(
            replace(each, unlike=f"{ATTENTION} IS NOT TRUE", statuses=STATUSES[:-1])
            for each in (_BY_TIME, _UNDATED)
        ),
    ),
}
"""By `OrderFilter.order`."""
