"""Field types of Commerce's REST API, and the rules by which its bodies are read.

Requests are read by the rules of `app/commerce/php_json.py`.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.commerce import php_json
from app.domain import db_limits
from app.domain.db_limits import BIGINT, INT
from app.web.v1.fields import Plain

# A field without a value is left out, as Commerce leaves it out (magento/magento2,
# Framework/Reflection/DataObjectProcessor.php, buildOutputDataArray()).
# mutation: nulls-for-commerce
IF_ANY: Any = Field(default=None, exclude_if=lambda value: value is None)
# Nesting levels of a comment. Commerce's own comments have two.
_DEEPEST = 20


def _whole(value: Any) -> Any:  # noqa: ANN401 - whatever came as JSON
    """A whole number. Commerce often writes numbers as text, such as "1.0000"."""
    whole = db_limits.whole_number(value)
    if whole is None:
        raise PydanticCustomError("number", "The value must be a whole number.")
    return whole


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse a comment that is nested too deeply to be serialized again."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return value
    # mutation: comment-nesting-depth
    raise PydanticCustomError("comment", "The comment is nested too deeply.")


Text = Annotated[Plain, BeforeValidator(php_json.text)]
Short = Annotated[Text, Field(max_length=200)]
Flag = Annotated[bool, BeforeValidator(php_json.flag)]
CommentFields = Annotated[
    dict[str, Any], BeforeValidator(php_json.given_fields), AfterValidator(_shallow)
]
# The bounds stand before the validator, so that the OpenAPI document has them.
Units = Annotated[int, Field(ge=0, le=INT), BeforeValidator(_whole)]
Id = Annotated[int, Field(ge=1, le=BIGINT), BeforeValidator(_whole)]
Bit = Annotated[int, Field(ge=0, le=1), BeforeValidator(_whole)]


class CommerceBody(BaseModel):
    """A request body of Commerce's API, or an object in it."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _as_commerce_reads_it(cls, value: object) -> object:
        return php_json.given_fields(value, cls.model_fields)


def as_time(at: datetime) -> str:
    """A time in Commerce's form: UTC without a zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
