"""The address of a list of orders: its filters, its sort, its columns and its page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams

from app.storage.queries import OrderSort
from app.web.page.i18n import deferred
from app.web.v1.order_filters import OrderQuery

Filters = Mapping[str, tuple[str, ...]]
PER_PAGE: Final = 50
# Earlier pages that "Newer" leads back to one by one; beyond them it leads to the first.
_MOST_BACK: Final = 20
_QUERY: Final[TypeAdapter[OrderQuery]] = TypeAdapter(OrderQuery)
_MANY: Final = ("status", "sync")
_FLAGS: Final = (
    "late",
    "ship_soon",
    "cancel_requested",
    "return_requested",
    "without_commerce_order",
)
NAMES: Final = (*_MANY, *_FLAGS, "q", "ship_method", "fulfilled_by", "code", "from", "to")
SORTS: Final[Mapping[str, str]] = {
    OrderSort.NEWEST: deferred("Newest"),
    OrderSort.SHIP_BY: deferred("Ship by"),
    OrderSort.UPDATED: deferred("Last change"),
    OrderSort.ATTENTION: deferred("Needs action first"),
}
COLUMNS: Final[Mapping[str, str]] = {
    "items": deferred("Items"),
    "value": deferred("Value"),
    "ordered": deferred("Ordered"),
    "ship_by": deferred("Ship by"),
    "deliver_by": deferred("Deliver by"),
    "method": deferred("Method"),
    "updated": deferred("Last change"),
}
"""The columns that a person may leave out."""


@dataclass(frozen=True, slots=True)
class OrdersAddress:
    """A list of orders as an address names it."""

    filters: Filters
    sort: str | None
    columns: tuple[str, ...]
    """Those that are shown, of COLUMNS."""
    query: OrderQuery
    unknown: tuple[str, ...] = ()
    """Parameters with a value that means nothing here; they are left out."""
    cursor: str | None = None
    back: tuple[str, ...] = ()
    """The cursors of the pages before this one; "" is that of the first."""

    @property
    def shown_sort(self) -> str:
        """The sort that the list has, chosen or implied by a filter."""
        implied = "ship_by" if "late" in self.filters or "ship_soon" in self.filters else "newest"
        return self.sort or implied

    def parameters(self, **changes: object) -> dict[str, Any]:
        """The parameters of the first page of this list, changed; None leaves one out."""
        given: dict[str, Any] = {name: list(values) for name, values in self.filters.items()}
        given["sort"] = self.sort
        given["columns"] = None if self.columns == tuple(COLUMNS) else ",".join(self.columns)
        return {name: value for name, value in (given | changes).items() if value not in ([], None)}

    def only(self, filters: Filters) -> dict[str, Any]:
        """The parameters of the first page of a list with other filters."""
        return replace(self, filters=filters, sort=None).parameters()

    def without(self, name: str, value: str) -> dict[str, Any]:
        """The parameters of the first page without one value of a filter."""
        rest = tuple(each for each in self.filters.get(name, ()) if each != value)
        return self.parameters(**{name: list(rest)})

    def older(self, cursor: str) -> dict[str, Any]:
        """The parameters of the next page."""
        back = (*self.back, self.cursor or "")[-_MOST_BACK:]
        return self.parameters(cursor=cursor, back=list(back))

    def newer(self) -> dict[str, Any] | None:
        """The parameters of the page before. None means that this is the first."""
        if self.cursor is None:
            return None
        *rest, before = self.back or ("",)
        return self.parameters(cursor=before or None, back=rest if before else [])


def read(given: QueryParams, zone: tzinfo) -> OrdersAddress:
    """The list of an address. A day in it begins in the person's zone."""
    filters: dict[str, tuple[str, ...]] = {}
    for name in NAMES:
        values = tuple(
            dict.fromkeys(text for each in given.getlist(name) if (text := each.strip()))
        )
        if values:
            filters[name] = values if name in _MANY else values[-1:]
    sort = given.get("sort") or None
    unknown: list[str] = []
    while True:
        try:
            query = _QUERY.validate_python(_fields(filters, sort, zone))
            break
        except ValidationError as error:
            wrong = {_parameter(each["loc"]) for each in error.errors()}
            unknown += sorted(wrong)
            filters = {name: value for name, value in filters.items() if name not in wrong}
            sort = None if "sort" in wrong else sort
    return OrdersAddress(
        filters,
        sort,
        _columns(given.get("columns")),
        query,
        tuple(unknown),
        given.get("cursor") or None,
        tuple(given.getlist("back")[-_MOST_BACK:]),
    )


def _fields(filters: Filters, sort: str | None, zone: tzinfo) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: list(values) if name in _MANY else values[0]
        for name, values in filters.items()
        if name not in {"from", "to"}
    }
    for name, field, days in (("from", "ordered_from", 0), ("to", "ordered_to", 1)):
        if name in filters:
            fields[field] = _midnight(filters[name][0], days, zone)
    return fields | ({"sort": sort} if sort else {})


def _midnight(day: str, days: int, zone: tzinfo) -> str:
    try:
        begins = datetime.combine(date.fromisoformat(day) + timedelta(days=days), time(), zone)
    except (ValueError, OverflowError):
        return day
    return begins.isoformat()


def _parameter(location: Sequence[int | str]) -> str:
    first = str(location[0])
    return {"ordered_from": "from", "ordered_to": "to"}.get(first, first)


def _columns(given: str | None) -> tuple[str, ...]:
    if given is None:
        return tuple(COLUMNS)
    wanted = given.split(",")
    return tuple(each for each in COLUMNS if each in wanted)
