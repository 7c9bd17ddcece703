"""Commerce's searchCriteria, parsed from query parameters.

An example: searchCriteria[filterGroups][0][filters][0][field]=increment_id. The filters of a group
are joined by OR, the groups by AND (Adobe, "Search using REST"). Names may be camelCase or
snake_case.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.domain import db_limits
from app.domain.errors import Invalid, Problem
from app.storage.queries.commerce_search import COLUMNS, CONDITIONS, TIMES, Criteria, Filter, Sort

_DEFAULT_PAGE, _MOST = 20, 300
# Orders that paging reaches. A filter such as updated_at finds the others.
_DEEPEST = 10_000
_FILTER = re.compile(
    r"search(?:_c|C)riteria\[filter(?:_g|G)roups\]\[(\d{1,3})\]\[filters\]\[(\d{1,3})\]"
    r"\[(field|value|conditionType|condition_type)\]"
)
_SORT = re.compile(r"search(?:_c|C)riteria\[sort(?:_o|O)rders\]\[(\d{1,3})\]\[(field|direction)\]")
_PAGE = re.compile(r"search(?:_c|C)riteria\[(pageSize|page_size|currentPage|current_page)\]")


def read(parameters: Iterable[tuple[str, str]]) -> Criteria:
    """Parse query parameters. Raises Invalid search_criteria_invalid."""
    filters: dict[int, dict[int, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    sorts: dict[int, dict[str, str]] = defaultdict(dict)
    paging = {"pageSize": str(_DEFAULT_PAGE), "currentPage": "1"}
    for name, value in parameters:
        if found := _FILTER.fullmatch(name):
            key = "condition" if found[3].startswith("condition") else found[3]
            filters[int(found[1])][int(found[2])][key] = value
        elif found := _SORT.fullmatch(name):
            sorts[int(found[1])][found[2]] = value
        elif found := _PAGE.fullmatch(name):
            paging["pageSize" if found[1].startswith("page") else "currentPage"] = value
        elif name not in {"searchCriteria", "search_criteria", "fields"}:
            raise _bad(f"Unknown query parameter {name}.")
    size = _number(paging["pageSize"], "pageSize", _MOST)
    page = _number(paging["currentPage"], "currentPage", _DEEPEST)
    if size * page > _DEEPEST:
        raise _bad(f"Paging ends at {_DEEPEST:,} orders. Add a filter, such as updated_at.")
    return Criteria(
        groups=[[_filter(each) for each in group.values()] for group in filters.values()],
        sorts=[_sort(each) for _, each in sorted(sorts.items())],
        limit=size,
        offset=size * (page - 1),
    )


def shown(criteria: Criteria) -> dict[str, Any]:
    """The criteria as Commerce returns them."""
    return {
        "filter_groups": [
            {
                "filters": [
                    {"field": each.field, "value": each.said, "condition_type": each.condition}
                    for each in group
                ]
            }
            for group in criteria.groups
        ],
        "sort_orders": [
            {"field": each.field, "direction": "DESC" if each.descending else "ASC"}
            for each in criteria.sorts
        ],
        "page_size": criteria.limit,
        "current_page": criteria.offset // criteria.limit + 1,
    }


def _filter(given: dict[str, str]) -> Filter:
    field, condition = given.get("field", ""), given.get("condition", "eq")
    if field not in COLUMNS:
        raise _bad(f"Unknown field {field!r}. Fields: {', '.join(sorted(COLUMNS))}.")
    if condition not in CONDITIONS:
        raise _bad(f"Unknown condition {condition!r}. Conditions: {', '.join(sorted(CONDITIONS))}.")
    text = given.get("value", "")
    values = text.split(",") if condition in {"in", "nin"} else [text]
    if condition in {"null", "notnull"}:
        values = []
    return Filter(field, condition, [_value(field, each) for each in values], text)


def _value(field: str, text: str) -> Any:  # noqa: ANN401 - as the column's type is
    try:
        value: object = text
        if field == "entity_id":
            value = db_limits.whole_number(text)
        elif field in TIMES:
            value = db_limits.utc_time(datetime.fromisoformat(text))
    except ValueError:
        value = None
    if value is None:
        raise _bad(f"Invalid value {text!r} of {field}.")
    return value


def _sort(given: dict[str, str]) -> Sort:
    field = given.get("field", "")
    if field not in COLUMNS:
        raise _bad(f"Unknown sort field {field!r}. Fields: {', '.join(sorted(COLUMNS))}.")
    return Sort(field, descending=given.get("direction", "ASC").upper() == "DESC")


def _number(text: str, name: str, most: int) -> int:
    number = db_limits.whole_number(text, most)
    if not number:
        raise _bad(f"{name} must be a whole number from 1 to {most:,}.")
    return number


def _bad(message: str) -> Invalid:
    problem = Problem("search_criteria_invalid", message, "/searchCriteria")
    return Invalid(problem.code, message, [problem])
