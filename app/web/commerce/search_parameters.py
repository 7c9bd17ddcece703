"""The query parameters of Commerce's searches, as the OpenAPI document declares them.

`search_criteria.py` parses them. Their names are those of Commerce's own document, which declares
the first of each list (Magento, Webapi/Model/Rest/Swagger/Generator.php). A second group is
declared as well, because a range of times needs two: groups are joined by AND.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from app.domain.db_limits import BIGINT
from app.storage.queries.commerce_search import CONDITIONS
from app.web.commerce.search_criteria import DIRECTIONS, MOST

# mutation: declared-search-parameters
_GROUPS = 2
Parameter = dict[str, Any]


def searching(fields: Iterable[str]) -> dict[str, list[Parameter]]:
    """The parameters of a search by some fields, to be added to an operation."""
    return {"parameters": [*_filters(sorted(fields)), *_page(sorted(fields))]}


def _filters(fields: list[str]) -> Iterator[Parameter]:
    for group in range(_GROUPS):
        start = f"[filterGroups][{group}][filters][0]"
        which = f"the first filter of group {group}"
        yield _parameter(f"{start}[field]", f"The field of {which}.", enum=fields)
        yield _parameter(f"{start}[value]", f"The value of {which}.")
        yield _parameter(
            f"{start}[conditionType]",
            f"The condition of {which}.",
            enum=list(CONDITIONS),
            default="eq",
        )


def _page(fields: list[str]) -> Iterator[Parameter]:
    yield _parameter("[sortOrders][0][field]", "The field to sort by.", enum=fields)
    yield _parameter("[sortOrders][0][direction]", "Its direction.", enum=[*DIRECTIONS])
    size = {"type": "integer", "minimum": 0, "maximum": MOST, "default": 0}
    yield _parameter("[pageSize]", f"Rows per page. 0 means {MOST:,}.", **size)
    # mutation: declared-page-bounds
    page = {"type": "integer", "minimum": -BIGINT, "maximum": BIGINT, "default": 1}
    yield _parameter("[currentPage]", "The number of the page. Below 1 it is 1.", **page)


def _parameter(name: str, description: str, **schema: Any) -> Parameter:  # noqa: ANN401 - JSON Schema
    return {
        "name": f"searchCriteria{name}",
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
    }
