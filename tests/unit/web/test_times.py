"""Times of requests at /v1: the `date-time` of RFC 3339, section 5.6, as the OpenAPI document says."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from app.web.v1.fields import Time

TIME: TypeAdapter[datetime] = TypeAdapter(Time)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T10:00:00Z",
        "2026-11-23t10:00:00z",
        "2026-11-23T10:00:00.123456789Z",
        "2026-11-23T12:00:00+02:00",
        "2026-11-22T22:30:00-11:30",
    ],
)
def test_a_date_time_of_rfc_3339_is_accepted(text: str) -> None:
    assert TIME.validate_python(text).replace(microsecond=0) == datetime(
        2026, 11, 23, 10, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "value",
    [
        "0", "1700000000", "1700000000.5", 1700000000, "-1", "",
        "2026-11-23", "2026-11-23T10:00Z", "2026-11-23 10:00:00Z", "2026-11-23T10:00:00",
        "2026-11-23T10:00:00+0200", "2026-11-23T10:00:00+02", "2026-11-23T10:00:00 02:00",
        "2026-11-23T10:00:00Z\n", " 2026-11-23T10:00:00Z", "\uff12026-11-23T10:00:00Z",
        "2026-02-30T10:00:00Z", "2026-11-23T25:00:00Z", "PT1H", None, True,
    ],
)  # fmt: skip
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TIME.validate_python(value)
