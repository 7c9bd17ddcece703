"""What makes a frozen dataclass a response model of the API."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, ClassVar

from pydantic import TypeAdapter


class View:
    """A frozen dataclass that the API answers as JSON, field by field in the order of definition.

    pydantic serialises and documents the dataclass as it is, and never validates it. The class
    docstring and the docstrings below the fields become the descriptions in the OpenAPI document.
    """

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {}
    """Configuration that pydantic reads from any dataclass."""

    def __init_subclass__(cls, *, schema: str | None = None) -> None:
        """Configure the schema. schema: its name, if not that of the class with Out for View."""
        super().__init_subclass__()
        if "__pydantic_config__" in vars(cls):
            # The copy of a configured class that dataclass(slots=True) makes.
            return
        cls.__pydantic_config__ = {
            "title": schema or f"{cls.__name__.removesuffix('View')}Out",
            "json_schema_extra": {"description": cleandoc(cls.__doc__ or "")},
            "use_attribute_docstrings": True,
            # A field with a default value is in every response too.
            "json_schema_serialization_defaults_required": True,
        }


def cache_schemas() -> None:
    """Build the schema of each view, once for the process.

    pydantic keeps the schema of a model, but builds that of a dataclass for each field and route
    again, with its docstrings from its source. It takes a schema that a class has already.
    """
    for view in _subclasses(View):
        if "__pydantic_core_schema__" not in view.__dict__:
            built: TypeAdapter[Any] = TypeAdapter(view)
            view.__pydantic_core_schema__ = built.core_schema
            view.__pydantic_validator__ = built.validator
            view.__pydantic_serializer__ = built.serializer


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for each in type.__subclasses__(kind):
        yield each
        yield from _subclasses(each)
