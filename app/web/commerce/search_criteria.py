"""Commerce's searchCriteria, parsed from query parameters as PHP and Magento parse them.

An example: searchCriteria[filterGroups][0][filters][0][field]=increment_id. The filters of a group
are joined by OR, the groups by AND (Adobe, "Search using REST endpoints"). Names may be camelCase
or snake_case, and the keys of groups, filters and sort orders may be anything: their order counts.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from app.domain import db_limits
from app.storage.queries.commerce_search import Criteria, Filter, Sort, invalid

# Magento answers everything without a pageSize or with 0. Here that means the largest page.
MOST = 1000
_MOST_FILTERS = 100
_START, _KEY = "search(?:_c|C)riteria", r"\[[^\[\]]*\]"
_FILTER = re.compile(
    rf"({_START}\[filter(?:_g|G)roups\]({_KEY})\[filters\]({_KEY}))"
    r"\[(field|value|conditionType|condition_type)\]"
)
_SORT = re.compile(rf"({_START}\[sort(?:_o|O)rders\]({_KEY}))\[(field|direction)\]")
_PAGE = re.compile(rf"{_START}\[(pageSize|page_size|currentPage|current_page)\]")
# Misspelled criteria too.
_CRITERIA = re.compile(r"search\w*\[", re.IGNORECASE)
DIRECTIONS = ("ASC", "DESC")
_Parts = dict[str, str]


def read(parameters: Iterable[tuple[str, str]]) -> Criteria:
    """Parse query parameters. Raises Invalid search_criteria_invalid."""
    groups: dict[str, dict[str, _Parts]] = defaultdict(lambda: defaultdict(dict))
    sorts: dict[str, _Parts] = defaultdict(dict)
    page: _Parts = {}
    for name, value in parameters:
        if found := _FILTER.fullmatch(name):
            _add(groups[found[2]][found[3]], found[1], _plain(found[4]), value)
        elif found := _SORT.fullmatch(name):
            _add(sorts[found[2]], found[1], found[3], value)
        elif found := _PAGE.fullmatch(name):
            page[_plain(found[1])] = value
        elif _CRITERIA.match(name):
            # Magento ignores it, and would answer with rows that were not searched for.
            raise invalid(f"Unknown query parameter {name[:100]!r}.", _pointer(name))
    if sum(map(len, groups.values())) > _MOST_FILTERS:
        raise invalid(f"A search has at most {_MOST_FILTERS} filters.", "/searchCriteria")
    return Criteria(
        groups=[[_filter(each) for each in group.values()] for group in groups.values()],
        sorts=[_sort(each) for each in sorts.values()],
        size=_size(page.get("pagesize") or "0"),
        page=_page(page.get("currentpage") or "1"),
    )


def shown(criteria: Criteria) -> dict[str, Any]:
    """The criteria as Commerce returns them."""
    return {
        "filter_groups": [
            {
                "filters": [
                    {"field": each.field, "value": each.value, "condition_type": each.condition}
                    for each in group
                ]
            }
            for group in criteria.groups
        ],
        "sort_orders": [
            {"field": each.field, "direction": DIRECTIONS[each.descending]}
            for each in criteria.sorts
        ],
        "page_size": criteria.size,
        "current_page": criteria.page,
    }


def _add(parts: _Parts, name: str, part: str, value: str) -> None:
    """Add a part of a filter or sort order; of a repeated one the last counts, as in PHP.

    In PHP each [] is a key of its own, so the parts of two entries would be mixed.
    """
    if part in parts and "[]" in name:
        raise invalid("Several entries need keys, such as [0] and [1].", _pointer(name))
    parts |= {"pointer": name, part: value}


def _filter(given: _Parts) -> Filter:
    pointer = _pointer(given["pointer"])
    if "field" not in given:
        message = "A filter has no field. All parts of a filter have the same keys."
        raise invalid(message, f"{pointer}[field]")
    condition = given.get("conditiontype") or "eq"
    return Filter(pointer, given["field"], condition, given.get("value"))


def _sort(given: _Parts) -> Sort:
    pointer = _pointer(given["pointer"])
    # Magento's Framework\Api\SearchCriteria\CollectionProcessor\SortingProcessor: what is not
    # ASC is DESC; its Framework\Api\SortOrder refuses other words.
    # mutation: commerce-search-direction
    direction = given.get("direction", "DESC").upper()
    if direction not in DIRECTIONS:
        raise invalid("A direction is ASC or DESC.", f"{pointer}[direction]")
    return Sort(pointer, given.get("field", ""), descending=direction == "DESC")


def _size(text: str) -> int:
    size = db_limits.whole_number(text)
    if size is None:
        raise invalid("pageSize must be a whole number.", "/searchCriteria[pageSize]")
    if size > MOST:
        # Clients read these words of Magento's Framework\Webapi\Validator\SearchCriteriaValidator.
        message = f"Maximum SearchCriteria pageSize is {MOST}"
        raise invalid(message, "/searchCriteria[pageSize]")
    return size or MOST


def _page(text: str) -> int:
    """The number of a page. Below 1 it is the first, as in Magento's Framework/Data/Collection."""
    page = db_limits.whole_number(text.removeprefix("-"))
    if page is None:
        raise invalid("currentPage must be a whole number.", "/searchCriteria[currentPage]")
    return 1 if text.startswith("-") else max(page, 1)


def _plain(name: str) -> str:
    """A name without its spelling."""
    return name.replace("_", "").lower()


def _pointer(name: str) -> str:
    """The JSON pointer of a query parameter."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
