"""Sentences about a body that does not fit its schema."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.web.commerce.comments import CommentIn
from app.web.commerce.schemas import ShipIn
from app.web.schema_problems import problems_of
from app.web.v1.shipment_schemas import ShipmentIn


def message(model: type[BaseModel], body: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    errors = [{**each, "loc": ("body", *each["loc"])} for each in refused.value.errors()]
    return problems_of(errors)[1][0].message


@pytest.mark.parametrize(
    ("model", "body", "expected"),
    [
        (CommentIn, {"statusHistory": {"comment": "x" * 5001}}, "at most 5000 characters"),
        (CommentIn, {"statusHistory": {"status": 10**200}}, "at most 200 characters"),
        (ShipmentIn, {"carrier_code": "x" * 201}, "at most 200 characters"),
        (ShipmentIn, {"carrier_code": ""}, "at least 1 character"),
    ],
)
def test_the_length_of_a_text_is_counted_in_characters(
    model: type[BaseModel], body: dict[str, Any], expected: str
) -> None:
    assert message(model, body) == f"String should have {expected}."


def test_the_length_of_a_list_is_counted_in_items() -> None:
    tracks = [{"track_number": "1", "carrier_code": "ups"}] * 101
    assert "at most 100 items" in message(ShipIn, {"tracks": tracks})
