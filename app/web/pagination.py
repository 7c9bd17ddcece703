"""Cursors of keyset pages: the key of a page's last row. Opaque to clients."""

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.domain.errors import Invalid, Problem
from app.storage.queries import KeysetPage

MAX_LIMIT = 200
_PARTS = 4
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
        _check(given == kind, after)
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        message = "The cursor is not from this list. Start without a cursor."
        problem = Problem("cursor_invalid", message, "/cursor")
        raise Invalid(problem.code, message, [problem]) from error
    return tuple(after)


def _check(of_this_list: bool, after: list[Any]) -> None:
    """Raise ValueError for a key that is neither a number nor a time and an id.

    The number of a list's part may come before the time.
    """
    if not of_this_list:
        raise ValueError(after)
    if len(after) == 1 and type(after[0]) is int and 0 <= after[0] < 1 << 63:
        return
    *part, at, identifier = after
    if part and not (len(part) == 1 and type(part[0]) is int and 0 < part[0] < _PARTS):
        raise ValueError(part)
    if datetime.fromisoformat(at).tzinfo is None:
        raise ValueError(at)
    UUID(identifier)
