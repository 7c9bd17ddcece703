"""Searches of one store by the search criteria of Commerce's REST API."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.db_limits import BIGINT
from app.domain.errors import Invalid, Problem
from app.storage.postgres.database import Connection
from app.storage.postgres.errors import sqlstate
from app.storage.queries.commerce_fields import EQUAL, LIKE, NULL, Field
from app.storage.queries.text_patterns import Condition

# Condition types of Adobe's table ("Search using REST endpoints"), and seq and sneq of Magento's
# Framework\DB\Adapter\Pdo\Mysql::prepareSqlCondition: the operator, and whether it is negated.
# finset is equality, because no field here has a list.
CONDITIONS: Mapping[str, tuple[str, bool]] = {
    "eq": (EQUAL, False),
    "neq": (EQUAL, True),
    "in": (EQUAL, False),
    "nin": (EQUAL, True),
    "finset": (EQUAL, False),
    "nfinset": (EQUAL, True),
    "like": (LIKE, False),
    "nlike": (LIKE, True),
    "null": (NULL, False),
    "notnull": (NULL, True),
    "gt": (">", False),
    "gteq": (">=", False),
    "moreq": (">=", False),
    "from": (">=", False),
    "lt": ("<", False),
    "lteq": ("<=", False),
    "to": ("<=", False),
    "seq": (EQUAL, False),
    "sneq": (EQUAL, True),
}
STORE = sa.bindparam("store_id", type_=sa.Integer)
"""The store of a search, as a value that a field can name: a join would not do on Citus."""
_LISTS = frozenset({"in", "nin"})
MOST_VALUES = 1000
"""Of all filters of a search: a time is up to four parameters, and PostgreSQL has 32,767."""
_LONGEST = 255
TIME_LIMIT_MS = 10_000
"""Of a search. A transaction that searches sets it as its statement_timeout."""
_CANCELED = "57014"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition."""

    pointer: str
    """JSON pointer of its parameters in the query."""
    field: str
    condition: str
    value: str | None

    @property
    def values(self) -> int:
        """How many values there are."""
        return (self.value or "").count(",") + 1 if self.condition in _LISTS else 1


@dataclass(frozen=True, slots=True)
class Sort:
    """A field to sort by."""

    pointer: str
    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Criteria:
    """A search. The filters of a group are alternatives; a row must match all groups."""

    groups: Sequence[Sequence[Filter]]
    sorts: Sequence[Sort]
    size: int
    page: int


@dataclass(frozen=True, slots=True)
class Searched:
    """What is searched."""

    table: sa.FromClause
    """A table with the columns store_id and id; the default order is by id."""
    fields: Callable[[int], Mapping[str, Field]]
    """The fields of a store, under Commerce's names."""
    where: Condition = field(default_factory=sa.true)
    """Which rows of the table there are to find."""


async def search(
    connection: Connection, store_id: int, criteria: Criteria, searched: Searched
) -> tuple[list[UUID], int]:
    """The ids of a page, and how many rows match. A page behind the last one is empty.

    Raises Invalid search_criteria_invalid; search_too_broad after the transaction's time limit.
    """
    try:
        found = await connection.execute(statement(store_id, criteria, searched))
    except sa.exc.DBAPIError as error:
        # mutation: commerce-search-time-limit
        if sqlstate(error) == _CANCELED:
            message = "The search took too long. Add a filter, such as updated_at or increment_id."
            problem = Problem("search_too_broad", message, "/searchCriteria")
            raise Invalid(problem.code, message, [problem]) from error
        raise
    total, ids = found.one()
    return list(ids), int(total)


def statement(store_id: int, criteria: Criteria, searched: Searched) -> sa.Select[Any]:
    """The count and the page in one statement, so that both are of the same moment.

    Raises Invalid search_criteria_invalid.
    """
    if sum(each.values for group in criteria.groups for each in group) > MOST_VALUES:
        message = f"The filters of a search have at most {MOST_VALUES:,} values."
        raise invalid(message, "/searchCriteria")
    table, fields = searched.table, searched.fields(store_id)
    groups = [[_where(fields, each) for each in group] for group in criteria.groups if group]
    # mutation: commerce-search-groups
    conditions = [
        table.c.store_id == STORE,
        searched.where,
        *(sa.or_(*group) for group in groups),
    ]
    keys = [_field(fields, each).column.label(f"key_{n}") for n, each in enumerate(criteria.sorts)]
    rows = sa.select(table.c.id, *keys).where(*conditions)
    # What is found is read once. Otherwise PostgreSQL, which sees the limit, reads all rows in
    # the page's order, and drops those that are not wanted.
    # mutation: commerce-search-plan
    found = rows.cte("found") if groups else rows.subquery("found")
    order = [
        _sorted(found.c[key.name], each) for key, each in zip(keys, criteria.sorts, strict=True)
    ]
    backwards = bool(criteria.sorts) and criteria.sorts[-1].descending
    order.append(found.c.id.desc() if backwards else found.c.id.asc())
    offset = min(criteria.size * (criteria.page - 1), BIGINT)
    page = sa.select(found.c.id).order_by(*order).limit(criteria.size).offset(offset)
    count = sa.select(sa.func.count()).select_from(found)
    both = sa.select(count.scalar_subquery(), sa.func.array(page.scalar_subquery()))
    return both.params({STORE.key: store_id})


def _sorted(column: sa.ColumnElement[Any], by: Sort) -> sa.ColumnElement[Any]:
    """The order by a column. Null comes first in ascending order, as in MySQL."""
    if not getattr(column, "nullable", True):
        # An index is used only where nulls are not mentioned.
        return column.desc() if by.descending else column.asc()
    return column.desc().nulls_last() if by.descending else column.asc().nulls_first()


def _field(fields: Mapping[str, Field], wanted: Filter | Sort) -> Field:
    """The field of a filter or sort. Raises Invalid."""
    if (field := fields.get(wanted.field)) is None:
        message = f"Nothing can be found by {wanted.field!r}. Fields: {', '.join(sorted(fields))}."
        raise invalid(message, f"{wanted.pointer}[field]")
    return field


def _where(fields: Mapping[str, Field], wanted: Filter) -> Condition:
    field = _field(fields, wanted)
    if wanted.condition not in CONDITIONS:
        message = f"Unknown condition {wanted.condition!r}. Conditions: {', '.join(CONDITIONS)}."
        raise invalid(message, f"{wanted.pointer}[conditionType]")
    operator, negated = CONDITIONS[wanted.condition]
    text = wanted.value or ""
    if not text and operator == EQUAL and (negated or wanted.condition == "seq"):
        # No field is empty, so all that is not null is unequal to an empty text.
        operator = NULL
    values = [] if operator == NULL else _values(field, wanted, operator, text)
    found = field.matches(operator, values)
    return sa.not_(found) if negated else found


def _values(field: Field, wanted: Filter, operator: str, text: str) -> list[object]:
    """The values of a filter. Raises Invalid for one that nothing can be found by."""
    texts = [text]
    if wanted.condition in _LISTS:
        texts = [each.strip() for each in text.split(",") if each.strip()] or [""]
    values = []
    for each in texts:
        # A field that is empty is null.
        possible = len(each) <= _LONGEST and (each or operator not in {EQUAL, LIKE})
        value = field.parse(operator, each) if possible else None
        if value is None:
            given = f"{wanted.field} {wanted.condition} {each[:40]!r}"
            message = f"Nothing can be found by {given}: {wanted.field} is {field.expects}."
            raise invalid(message, f"{wanted.pointer}[value]")
        values.append(value)
    return values


def invalid(message: str, pointer: str) -> Invalid:
    """The refusal of criteria. pointer: JSON pointer of a parameter."""
    problem = Problem("search_criteria_invalid", message, pointer)
    return Invalid(problem.code, message, [problem])
