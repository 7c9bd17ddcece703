"""Field types of the schemas: bounded text, times, money, quantities."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt
from pydantic_core import PydanticCustomError

from app.domain import db_limits
from app.domain.db_limits import BIGINT, INT
from app.domain.orders.order import Money


def _clean(text: str) -> str:
    if not db_limits.is_storable(text):
        raise PydanticCustomError("unstorable", "NUL and unpaired surrogates are not allowed.")
    return text


# The date-time of RFC 3339, section 5.6. pydantic takes numbers, and days without a time, as well.
_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII | re.IGNORECASE
)


def _rfc_3339(value: Any) -> Any:  # noqa: ANN401 - whatever came as JSON
    # mutation: times-of-rfc-3339
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise PydanticCustomError("time_form", "A time must be RFC 3339 text with a zone.")
    return value


def _visible(text: str) -> str:
    """Check text that is sent in a header, such as a token.

    With a line feed that was copied along, every call would fail.
    """
    # mutation: secret-with-invalid-characters
    if not text.isascii() or not text.isprintable() or " " in text:
        message = "Only visible ASCII characters are allowed, without spaces and line feeds."
        raise PydanticCustomError("not_visible", message)
    return text


def _integer(value: Any) -> Any:  # noqa: ANN401 - whatever came as JSON
    """JSON has one kind of number: 32.0 is the integer 32 (RFC 8259, JSON Schema 2020-12)."""
    # mutation: integers-with-a-point
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _in_utc(value: datetime) -> datetime:
    time = db_limits.utc_time(value)
    if value.tzinfo is None or time is None:
        raise PydanticCustomError("time_range", "A time must have a zone and be in 1970 or later.")
    return time


# Every text in a request is of this type, or of one derived from it.
Plain = Annotated[str, AfterValidator(_clean)]
Text = Annotated[Plain, Field(min_length=1, max_length=200, strict=True)]
LongText = Annotated[Plain, Field(min_length=1, max_length=2048, strict=True)]
_VISIBLE = r"^[\x21-\x7e]+$"
VisibleText = Annotated[
    Text, AfterValidator(_visible), Field(json_schema_extra={"pattern": _VISIBLE})
]
Secret = Annotated[
    Plain,
    AfterValidator(_visible),
    Field(
        min_length=1,
        max_length=4096,
        strict=True,
        json_schema_extra={"writeOnly": True, "pattern": _VISIBLE},
    ),
]
# Walmart's numbers are digits, which is not documented. They are put into paths: no slashes.
Number = Annotated[
    str, Field(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", strict=True)
]
Time = Annotated[datetime, BeforeValidator(_rfc_3339), AfterValidator(_in_utc)]
# The last annotation of every integer in a request.
WHOLE = BeforeValidator(_integer)
Quantity = Annotated[StrictInt, Field(ge=1, le=INT), WHOLE]
Units = Annotated[StrictInt, Field(ge=0, le=INT), WHOLE]
Id = Annotated[StrictInt, Field(ge=1, le=BIGINT), WHOLE]


class In(BaseModel):
    """A request body. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """A response body. Every field is always present."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class MoneyIn(In):
    """An amount as decimal text, and its currency (ISO 4217)."""

    amount: Annotated[str, Field(pattern=r"^\d{1,12}(\.\d{1,4})?$", strict=True)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", strict=True)]

    def to_money(self) -> Money:
        """The exact amount."""
        return Money(Decimal(self.amount), self.currency)
