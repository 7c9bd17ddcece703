"""The thread from a request to Walmart: traceparent, and spans where they are recorded.

`app/telemetry.py` records spans by OpenTelemetry, if the extra `waybill[otel]` is installed and
asked for. Otherwise a span is one object that does nothing.

Names and places of attributes are a closed list (`FACTS`), so that no secret and no value of a
buyer gets into a span.
"""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Final, Protocol, Self

Fact = str | int | float | bool | None
# W3C Trace Context, section 3.2: version, trace-id, parent-id, trace-flags. Later versions may add
# parts behind the flags; version 00 has none, and version ff does not exist.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_FIRST_VERSION = "00"
_SAMPLED = 1


class Work(StrEnum):
    """What a span is of."""

    REQUEST = "request"
    TRANSACTION = "transaction"
    CLAIM = "claim"
    DELIVERY = "delivery"
    CALL = "call"


FACTS: Final[dict[str, str]] = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    **{
        name: f"waybill.{name}"
        for name in (
            "request_id",
            "store_id",
            "order_id",
            "update_id",
            "kind",
            "attempt",
            "verdict",
            "operation",
            "correlation_id",
            "failure",
        )
    },
}
"""Facts that a span may have, and their attributes."""


class Span(Protocol):
    """A piece of work in progress."""

    @property
    def traceparent(self) -> str | None:
        """By which work elsewhere continues it. None means that nothing is recorded."""

    def note(self, **facts: Fact) -> None:
        """Add facts; each is a name of FACTS."""


class Recorder(Protocol):
    """Records spans."""

    def span(
        self, work: Work, parent: str | None, facts: dict[str, Fact]
    ) -> AbstractContextManager[Span]:
        """Record the block as a span: below the current one, or below the traceparent."""

    def past(
        self, work: Work, parent: str | None, times: tuple[float, float], facts: dict[str, Fact]
    ) -> None:
        """Record work that has ended. times: of the monotonic clock, its beginning and its end."""


class _Unrecorded:
    """A span that is not recorded."""

    traceparent: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def note(self, **facts: Fact) -> None:
        """Do nothing."""


_NOTHING: Final = _Unrecorded()
_recorders: list[Recorder] = []


def record_by(recorder: Recorder | None) -> None:
    """Record spans by this from now on; None records none."""
    _recorders[:] = [] if recorder is None else [recorder]


def span(work: Work, parent: str | None = None, **facts: Fact) -> AbstractContextManager[Span]:
    """A span of the block. parent: a traceparent; None means below the current span."""
    # mutation: span-recorded
    return _recorders[0].span(work, parent, facts) if _recorders else _NOTHING


def past(work: Work, parent: str | None, times: tuple[float, float], **facts: Fact) -> None:
    """A span of work that has ended. times: of the monotonic clock, its beginning and its end."""
    if _recorders:
        _recorders[0].past(work, parent, times, facts)


def valid_traceparent(given: Sequence[str]) -> str | None:
    """The traceparent of a request, in version 00. None if it has none, several or a wrong one.

    W3C Trace Context, section 3.2.4: a later version is read as version 00, and what is wrong is
    ignored.
    """
    found = _TRACEPARENT.fullmatch(given[0].strip()) if len(given) == 1 else None
    if found is None or (found[1] == _FIRST_VERSION and found[5]):
        return None
    return f"{_FIRST_VERSION}-{found[2]}-{found[3]}-{int(found[4], 16) & _SAMPLED:02x}"


def trace_id(traceparent: str | None) -> str | None:
    """The id of the trace that a valid traceparent belongs to."""
    return None if traceparent is None else traceparent.split("-")[1]
