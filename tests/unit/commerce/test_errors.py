from dataclasses import replace

import pytest

from app.commerce.client import _own
from app.commerce.errors import error_of, faults_in
from app.http_client.call import ErrorClass
from tests.unit.http_client.hostile import work
from tests.unit.walmart.builders import a_call


def test_a_commerce_message_is_filled_with_its_parameters() -> None:
    body = {"message": "%1 of %10 and %name", "parameters": {"1": "a", "10": "b", "name": "c"}}
    assert faults_in(body, "", 400)[0].description == "a of b and c"


def test_each_of_several_errors_is_kept() -> None:
    """Commerce has the errors beside a message that names none (AbstractAggregateException)."""
    body = {
        "message": "One or more input exceptions have occurred.",
        "errors": [
            {"message": '"%fieldName" is required.', "parameters": {"fieldName": "sku"}},
            {"message": "Invalid qty: %1", "parameters": ["x"]},
            "no object",
        ],
    }
    assert [each.description for each in faults_in(body, "", 400)] == [
        "One or more input exceptions have occurred.",
        '"sku" is required.',
        "Invalid qty: x",
    ]
    call = replace(a_call(400), faults=faults_in(body, "", 400), error_class=ErrorClass.REFUSED)
    assert "Invalid qty: x" in str(error_of(call))


def test_the_cost_of_a_message_with_many_parameters_is_capped() -> None:
    few, many = (
        {"message": "%1 " * 100 * count, "parameters": ["%2" * 100] * count}
        for count in (200, 5_000)
    )
    assert work(lambda: faults_in(many, "", 400)) < 8 * work(lambda: faults_in(few, "", 400))


@pytest.mark.parametrize("depth", [2, 900])
def test_nested_lists_are_not_read_as_commerce_errors(depth: int) -> None:
    nested: object = []
    for _ in range(depth):
        nested = [nested]
    assert not _own(nested)
