"""CSV of lists of any length: read page by page while it is sent (RFC 4180, UTF-8 with BOM)."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from fastapi.responses import StreamingResponse

from app.storage.postgres.retry import again
from app.storage.queries.pagination import After

Item = TypeVar("Item")
Page = tuple[Sequence[Item], After | None]
# Spreadsheets run a cell that begins so as a formula, or hide that it does.
_RUNS = ("=", "+", "-", "@", "\t", "\r")
_BOM = "\ufeff"


class CsvResponse(StreamingResponse):
    """A CSV file that is sent while it is read."""

    media_type = "text/csv"


def cell(value: object) -> str:
    """The text of a cell, which no spreadsheet runs. Times are in UTC."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = str(value)
    # mutation: cells-that-spreadsheets-run
    return f"'{text}" if text.startswith(_RUNS) else text


def lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines of CSV."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerows([cell(value) for value in row] for row in rows)
    return written.getvalue()


async def sent(
    name: str,
    columns: Sequence[str],
    read: Callable[[After | None], Awaitable[Page[Item]]],
    row: Callable[[Item], Sequence[object]],
) -> CsvResponse:
    """A file of all rows of a list.

    read reads the page behind a key, in a transaction of its own. The first page is read before
    the answer begins, so that a refusal is a problem document. A later failure breaks the answer
    off: it ends without its last chunk, so that no client takes it for complete.
    """
    pages = [await read(None)]

    async def text() -> AsyncIterator[str]:
        yield _BOM + lines([columns])
        while pages:
            found, after = pages.pop()
            yield lines(map(row, found))
            if after is not None:
                pages.append(await again(partial(read, after)))

    disposition = f'attachment; filename="{name}.csv"'
    return CsvResponse(text(), headers={"Content-Disposition": disposition})
