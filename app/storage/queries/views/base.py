"""What makes a frozen dataclass a response model of the API."""

from inspect import cleandoc
from typing import Any, ClassVar


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
