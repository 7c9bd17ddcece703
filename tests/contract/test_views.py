"""A view is a response model: frozen, documented, and repeated by no schema of the web layer."""

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from app.storage.queries.views import View
from app.web.export import document
from app.web.v1.fields import Out

SCHEMAS = document()["components"]["schemas"]


def below(base: type) -> Iterator[Any]:
    """Every class that inherits from base, without those that `slots=True` made anew."""
    made: list[Any] = base.__subclasses__()
    for each in made:
        if getattr(sys.modules[each.__module__], each.__name__, None) is each:
            yield each
        yield from below(each)


VIEWS = sorted(set(below(View)), key=lambda each: each.__name__)


@pytest.mark.parametrize("view", VIEWS, ids=lambda each: each.__name__)
def test_a_view_is_frozen_and_its_docstring_describes_its_schema(view: Any) -> None:
    assert view.__dataclass_params__.frozen
    schema = TypeAdapter(view).json_schema(mode="serialization")
    assert SCHEMAS[schema["title"]]["description"] == schema["description"]


def test_no_schema_of_the_web_layer_repeats_a_view() -> None:
    views = {frozenset(each.name for each in dataclasses.fields(view)): view for view in VIEWS}
    repeated = {model: views.get(frozenset(model.model_fields)) for model in below(Out)}
    assert {model: view for model, view in repeated.items() if view is not None} == {}
