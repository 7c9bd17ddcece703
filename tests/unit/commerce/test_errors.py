import pytest

from app.commerce.client import _own
from app.commerce.errors import faults_in
from tests.unit.http_client.hostile import work


def test_a_commerce_message_is_filled_with_its_parameters() -> None:
    body = {"message": "%1 of %10 and %name", "parameters": {"1": "a", "10": "b", "name": "c"}}
    assert faults_in(body, "")[0].description == "a of b and c"


def test_the_cost_of_a_message_with_many_parameters_is_capped() -> None:
    few, many = (
        {"message": "%1 " * 100 * count, "parameters": ["%2" * 100] * count}
        for count in (200, 5_000)
    )
    assert work(lambda: faults_in(many, "")) < 8 * work(lambda: faults_in(few, ""))


@pytest.mark.parametrize("depth", [2, 900])
def test_nested_lists_are_not_read_as_commerce_errors(depth: int) -> None:
    nested: object = []
    for _ in range(depth):
        nested = [nested]
    assert not _own(nested)
