"""Cursors of keyset pages: the key of a page's last row. Opaque to clients."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.domain.errors import Invalid, Problem
from app.storage.queries import KeysetPage

MAX_LIMIT = 200
_PARTS = 4
# Lists whose rows have a number of their own. Others are in the order of a time and an id.
_NUMBERED = ("stores", "shipments.")
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows per page.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=500,
        description="`next_cursor` of the previous page; none for the first page.",
    ),
]


def page(limit: int, cursor: str | None, kind: str) -> KeysetPage:
    """The requested page. Raises Invalid cursor_invalid.

    kind names the list and its sort order, so that a cursor is valid in its own list only.
    """
    return KeysetPage(limit, _decode(cursor, kind) if cursor else None)


def next_cursor(after: tuple[Any, ...] | None, kind: str) -> str | None:
    """The cursor of the next page; None after the last page."""
    if after is None:
        return None
    text = json.dumps([kind, *after], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, kind: str) -> tuple[Any, ...]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        given, *after = json.loads(base64.b64decode(padded, b"-_", validate=True))
        _check(given == kind, kind, after)
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError) as error:
        message = "The cursor is not from this list. Start without a cursor."
        problem = Problem("cursor_invalid", message, "/cursor")
        raise Invalid(problem.code, message, [problem]) from error
    return tuple(after)


def _check(of_this_list: bool, kind: str, after: list[Any]) -> None:
    """Raise ValueError for a key that is not one of this list.

    It is a number, or a time and an id; in a list of orders the number of a part may come before.
    """
    if not of_this_list:
        raise ValueError(after)
    if kind.startswith(_NUMBERED):
        (number,) = after
        if type(number) is not int or not 0 <= number < 1 << 63:
            raise ValueError(number)
        return
    *part, at, identifier = after
    if part:
        (number,) = part
        if not kind.startswith("orders") or type(number) is not int or not 0 < number < _PARTS:
            raise ValueError(number)
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError(at)
    # Its day may be the first or last one only in its own zone.
    moment.astimezone(UTC)
    UUID(str(identifier))
