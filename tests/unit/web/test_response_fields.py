"""Which fields of a response `fields` selects: Magento's Framework/Webapi/Rest/Response/FieldsFilter."""

from typing import Any

import pytest

from app.domain.errors import Invalid
from app.web.commerce.response_fields import parsed, trimmed

BODY = {
    "items": [
        {"entity_id": 7, "items": [{"sku": "A", "name": "a"}, {"sku": "B", "name": "b"}]},
        {"entity_id": None, "items": []},
    ],
    "search_criteria": {"filter_groups": [], "page_size": 20},
    "total_count": 2,
}


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("total_count", {"total_count": 2}),
        ("items[entity_id],total_count", {"items": [{"entity_id": 7}, {"entity_id": None}], "total_count": 2}),
        ("items[items[sku]]", {"items": [{"items": [{"sku": "A"}, {"sku": "B"}]}, {"items": []}]}),
        ("items[ entity_id, billing_address[city] ]", {"items": [{"entity_id": 7}, {"entity_id": None}]}),
        ("search_criteria[page_size]", {"search_criteria": {"page_size": 20}}),
        ("search_criteria", {"search_criteria": BODY["search_criteria"]}),
        ("total_count[of],", {"total_count": 2}),
        ("items,items[entity_id]", {"items": [{"entity_id": 7}, {"entity_id": None}]}),
        ("unknown", {}),
    ],
)  # fmt: skip
def test_fields_select(fields: str, shown: dict[str, Any]) -> None:
    assert trimmed(BODY, parsed(fields)) == shown


@pytest.mark.parametrize(
    "fields", ["items[entity_id", "items]", "[items]", "items[[a]]", "a.b", "items(entity_id)", "ä"]
)
def test_what_is_no_list_of_fields_is_refused(fields: str) -> None:
    with pytest.raises(Invalid) as refused:
        parsed(fields)
    assert refused.value.problems[0].pointer == "/fields"
