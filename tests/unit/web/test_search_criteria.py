"""How query parameters become search criteria (Magento's ServiceInputProcessor, over PHP's parse_str)."""

from typing import Any

import pytest

from app.domain.errors import Invalid
from app.storage.queries.commerce_search import CONDITIONS, Criteria, Filter, Sort
from app.web import export
from app.web.commerce import search_criteria

FILTER = "searchCriteria[filterGroups][0][filters][0]"


def read(query: dict[str, str]) -> Criteria:
    return search_criteria.read(query.items())


def test_the_parameters_of_the_api_document_are_search_criteria() -> None:
    """Magento's own document declares them (Webapi/Model/Rest/Swagger/Generator.php)."""
    path = export.document()["paths"]["/rest/{store_code}/V1/orders"]["get"]["parameters"]
    declared = {each["name"]: each["schema"] for each in path if each["in"] == "query"}
    samples = {
        name: str(schema["enum"][-1]) if "enum" in schema else "1"
        for name, schema in declared.items()
    }
    found = read(samples)
    last, field = [*CONDITIONS][-1], "updated_at"
    assert [len(group) for group in found.groups] == [1, 1]
    for (each,) in found.groups:
        assert (each.field, each.value, each.condition) == (field, "1", last)
    assert [(sort.field, sort.descending) for sort in found.sorts] == [(field, True)]
    assert (found.size, found.page) == (1, 1)
    assert declared["searchCriteria[pageSize]"]["maximum"] == search_criteria.MOST
    assert "fields" in declared


SEARCHES = [
    parameters
    for path, operations in export.document()["paths"].items()
    if path.startswith("/rest/") and (parameters := operations.get("get", {}).get("parameters"))
    if any(each["name"].startswith("searchCriteria") for each in parameters)
]


@pytest.mark.parametrize("parameters", SEARCHES)
def test_the_bounds_of_the_api_document_are_exact(parameters: list[dict[str, Any]]) -> None:
    numbers = [each for each in parameters if each["schema"].get("type") == "integer"]
    numbers = [each for each in numbers if each["in"] == "query"]
    assert len(numbers) == 2
    for number in numbers:
        name, least, most = number["name"], *map(number["schema"].get, ("minimum", "maximum"))
        read({name: str(least)})
        read({name: str(most)})
        for beyond in (least - 1, most + 1):
            with pytest.raises(Invalid):
                read({name: str(beyond)})


@pytest.mark.parametrize("named", ["searchCriteria", "search_criteria"])
@pytest.mark.parametrize("groups", ["filterGroups", "filter_groups"])
@pytest.mark.parametrize("condition", ["conditionType", "condition_type"])
def test_names_may_be_spelled_both_ways(named: str, groups: str, condition: str) -> None:
    prefix = f"{named}[{groups}][0][filters][0]"
    given = {f"{prefix}[field]": "status", f"{prefix}[value]": "x", f"{prefix}[{condition}]": "neq"}
    (((found,),), sorts) = (read(given).groups, read(given).sorts)
    assert found == Filter(f"/{prefix}", "status", "neq", "x")
    assert not sorts


def test_parts_belong_together_by_their_keys_in_the_order_of_the_query() -> None:
    # PHP's arrays have any keys, and keep the order in which they were made.
    given = {
        "searchCriteria[filterGroups][b][filters][0][field]": "status",
        "searchCriteria[filterGroups][9][filters][1][field]": "entity_id",
        "searchCriteria[filterGroups][9][filters][][value]": "7",
        "searchCriteria[filterGroups][9][filters][][field]": "increment_id",
        "searchCriteria[filterGroups][b][filters][0][value]": "open",
        "searchCriteria[sortOrders][1][field]": "created_at",
        "searchCriteria[sortOrders][0][field]": "entity_id",
        "searchCriteria[sort_orders][0][direction]": "asc",
    }
    wanted = read(given)
    assert [[(each.field, each.value) for each in group] for group in wanted.groups] == [
        [("status", "open")],
        [("entity_id", None), ("increment_id", "7")],
    ]
    # Adobe: "By default, search results are returned in descending order."
    start = "/searchCriteria[sortOrders]"
    assert wanted.sorts == [
        Sort(f"{start}[1]", "created_at", descending=True),
        Sort("/searchCriteria[sort_orders][0]", "entity_id", descending=False),
    ]


@pytest.mark.parametrize(
    ("given", "size", "page"),
    [
        ({}, 1000, 1),
        ({"pageSize": "0"}, 1000, 1),
        ({"pageSize": ""}, 1000, 1),
        ({"pageSize": "1000", "currentPage": "3"}, 1000, 3),
        ({"page_size": "20", "current_page": "0"}, 20, 1),
        ({"page_size": "20", "current_page": "-3"}, 20, 1),
        ({"pageSize": "20", "currentPage": "999999999999"}, 20, 999_999_999_999),
    ],
)
def test_pages_have_at_most_1000_rows_and_begin_at_1(
    given: dict[str, str], size: int, page: int
) -> None:
    wanted = read({"searchCriteria": "", **{f"searchCriteria[{n}]": v for n, v in given.items()}})
    assert (wanted.size, wanted.page) == (size, page)


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"searchCriteria[pageSize]": "1001"}, "/searchCriteria[pageSize]"),
        ({"searchCriteria[pageSize]": "-1"}, "/searchCriteria[pageSize]"),
        ({"searchCriteria[pageSize]": "ten"}, "/searchCriteria[pageSize]"),
        ({"searchCriteria[currentPage]": "1.5"}, "/searchCriteria[currentPage]"),
        ({"searchCriteria[currentPage]": "9" * 40}, "/searchCriteria[currentPage]"),
        ({"searchCriteria[fieldGroups]": "1"}, "/searchCriteria[fieldGroups]"),
        ({"searchCriteria[a/~]": ""}, "/searchCriteria[a~1~0]"),
        ({f"{FILTER}[value]": "7"}, f"/{FILTER}[field]"),
        ({f"{FILTER}[value][]": "7"}, f"/{FILTER}[value][]"),
        (
            {
                "searchCriteria[sortOrders][0][field]": "status",
                "searchCriteria[sortOrders][0][direction]": "down",
            },
            "/searchCriteria[sortOrders][0][direction]",
        ),
        (
            {f"searchCriteria[filterGroups][0][filters][{n}][field]": "status" for n in range(101)},
            "/searchCriteria",
        ),
    ],
)
def test_what_is_no_criterion_is_refused_with_its_parameter(
    given: dict[str, str], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(given)
    (problem,) = refused.value.problems
    assert (problem.code, problem.pointer) == ("search_criteria_invalid", pointer)


def test_parameters_that_are_no_criteria_are_ignored() -> None:
    assert read({"x": "1", "fields": "items", "search": "1"}) == read({})


@pytest.mark.parametrize(
    ("entry", "part"), [("filter_groups][][filters][0", "field"), ("sortOrders][", "direction")]
)
def test_several_entries_without_keys_are_refused_instead_of_mixed(entry: str, part: str) -> None:
    """In PHP each `[]` is a key of its own (parse_str)."""
    name = f"searchCriteria[{entry}]"
    field = (f"{name}[field]", "status")
    with pytest.raises(Invalid) as refused:
        search_criteria.read([field, (f"{name}[{part}]", "ASC"), (f"{name}[{part}]", "DESC")])
    assert refused.value.problems[0].pointer == f"/{name}"
