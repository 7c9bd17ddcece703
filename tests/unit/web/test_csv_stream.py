"""CSV files are read by any parser as they were written, run in no spreadsheet, and fill no memory."""

import asyncio
import csv
import io
import weakref
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from app.domain.errors import NotAvailable
from app.storage.queries.pagination import After
from app.web import csv_stream
from tests.harness.server import serving
from tests.harness.waiting import LIMIT, limited
from tests.tls import TLS

RUNS = ("=", "+", "-", "@", "\t", "\r")
# What may be stored: no NUL, no half of a character.
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


def parsed(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@given(st.lists(st.lists(TEXT, min_size=1, max_size=5), max_size=5))
def test_a_parser_reads_what_was_written_and_no_cell_that_a_spreadsheet_runs(
    rows: list[list[str]],
) -> None:
    found = parsed(csv_stream.lines(rows))
    assert [[cell.removeprefix("'") for cell in row] for row in found] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    assert not any(cell.startswith(RUNS) for row in found for cell in row)


@pytest.mark.parametrize("begin", RUNS)
def test_a_cell_that_a_spreadsheet_would_run_begins_with_an_apostrophe(begin: str) -> None:
    assert csv_stream.cell(f"{begin}cmd|' /C calc'!A0") == f"'{begin}cmd|' /C calc'!A0"


def test_times_are_in_utc_and_nothing_is_an_empty_cell() -> None:
    at = datetime(2026, 11, 30, 12, 0, 0, 250_000, tzinfo=UTC)
    assert [csv_stream.cell(each) for each in (at, None, 3, True)] == [
        "2026-11-30T12:00:00Z",
        "",
        "3",
        "True",
    ]


class Row:
    """A row that can be counted while it lives."""


async def test_a_file_of_many_thousand_rows_holds_only_its_page() -> None:
    alive: weakref.WeakSet[Row] = weakref.WeakSet()
    most, pages, size = 0, 100, 200

    async def read(after: After | None) -> tuple[list[Row], After | None]:
        nonlocal most
        found = [Row() for _ in range(size)]
        for each in found:
            alive.add(each)
        most = max(most, len(alive))
        number = 0 if after is None else after[0]
        return found, (number + 1,) if number < pages - 1 else None

    response = await csv_stream.sent("rows", ["a"], read, lambda _: ["x"])
    count, chunk_sizes = 0, []
    async for chunk in response.body_iterator:
        count += str(chunk).count("\r\n")
        chunk_sizes.append(len(chunk))
    assert count == pages * size + 1
    # The page that is sent, and the one that was just read.
    assert most <= 2 * size
    assert max(chunk_sizes) < 2000


async def _served(read: Any, finished: asyncio.Event) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        response = await csv_stream.sent("rows", ["a"], read, lambda text: [text])
        try:
            await response(scope, receive, send)
        finally:
            finished.set()

    return app


async def test_reads_stop_when_the_client_leaves() -> None:
    finished = asyncio.Event()

    async def endless(after: After | None) -> tuple[list[str], After | None]:
        await asyncio.sleep(0)
        return ["x" * 1000] * 200, (0,) if after is None else after

    app = await _served(endless, finished)
    async with serving(app) as address:
        client = httpx.AsyncClient(timeout=LIMIT, verify=TLS)
        async with client, client.stream("GET", address) as answer:
            await anext(answer.aiter_bytes())
        async with limited():
            await finished.wait()


async def test_a_failure_in_the_middle_breaks_the_file_off() -> None:
    async def failing(after: After | None) -> tuple[list[str], After | None]:
        if after is not None:
            raise NotAvailable("database_unavailable", "away")
        return ["x"], (0,)

    app = await _served(failing, asyncio.Event())
    async with serving(app) as address, httpx.AsyncClient(timeout=LIMIT, verify=TLS) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(address)
