"""Exact schemas: mends what FastAPI changes in the schemas of pydantic."""

from collections.abc import Iterator
from typing import Any

from app.domain.db_limits import BIGINT

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "propertyNames")
Schema = dict[str, Any]


def make_exact(document: Schema) -> None:
    """Write bounds as whole numbers, and leave a title to the schemas that have a name.

    FastAPI converts bounds to floating point, in which 2^63 - 1 becomes 2^63. pydantic gives each
    field a title, by which generators name types: two fields of one name would be one type.
    """
    for named in document["components"]["schemas"].values():
        _exact_bounds(named)
        for schema in _inner(named):
            _finish(schema)
    for operations in document["paths"].values():
        for operation in operations.values():
            for schema in _of_operation(operation):
                _finish(schema)


def _finish(schema: Schema) -> None:
    schema.pop("title", None)
    _exact_bounds(schema)
    for inner in _inner(schema):
        _finish(inner)


def _exact_bounds(schema: Schema) -> None:
    for name in _BOUNDS:
        bound = schema.get(name)
        if isinstance(bound, float) and bound.is_integer():
            # mutation: exact-bounds
            schema[name] = min(int(bound), BIGINT)


def _inner(schema: Schema) -> Iterator[Schema]:
    yield from schema.get("properties", {}).values()
    for name in _LISTS:
        yield from schema.get(name, ())
    for name in _SINGLE:
        if isinstance(schema.get(name), dict):
            yield schema[name]


def _of_operation(operation: Schema) -> Iterator[Schema]:
    yield from (each["schema"] for each in operation.get("parameters", ()))
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        yield from (each["schema"] for each in body.get("content", {}).values() if "schema" in each)
