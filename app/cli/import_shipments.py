"""`waybill import-shipments FILE`: ships the rows of a CSV file."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

from app import logs
from app.bootstrap import process
from app.domain.errors import NotAvailable, OrderError
from app.endings import CannotGoOn
from app.settings import Settings
from app.storage.stores import stores
from app.usecases.bulk import rows as bulk_rows
from app.usecases.bulk import run as bulk
from app.usecases.bulk.row_requests import Batch
from app.usecases.bulk.rows import Row
from app.usecases.bulk.run import REFUSED, BulkReport

ACTOR = "import-shipments"
_MOST_SHOWN = 50


class CannotImport(CannotGoOn):
    """The file could not be imported; the message says why."""


def read(file: Path) -> list[Row]:
    """Read the rows of a file. Raises CannotImport."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        return bulk.limited(bulk_rows.read_csv(text, bulk_rows.SHIPMENT_COLUMNS))
    except (OSError, UnicodeDecodeError) as error:
        raise CannotImport(f"{file} cannot be read: {error}") from error
    except OrderError as error:
        raise CannotImport(f"{file}: {error}") from error


def run(
    settings: Settings, *, store: str, rows: list[Row], progress: Callable[[int], None]
) -> BulkReport:
    """Ship the rows. Raises CannotImport, after which the same file may be imported again."""
    logs.configure("error")
    return asyncio.run(_run(settings, store, rows, progress))


async def _run(
    settings: Settings, store: str, rows: list[Row], progress: Callable[[int], None]
) -> BulkReport:
    try:
        async with process.opened(settings) as parts:
            async with parts.database.begin() as connection:
                found = await stores.identity(connection, store)
            if found is None:
                raise CannotImport(f"There is no store {store}.")
            return await bulk.ship_rows(parts.context, Batch(found[0], ACTOR), rows, progress)
    except NotAvailable as error:
        raise CannotImport(f"{error} Give the same file again: what is done is known.") from error


def totals_line(report: BulkReport) -> Iterator[str]:
    """Lines to print: the totals, and the rows that were refused."""
    totals = report.totals
    yield ", ".join(f"{totals[each]} {each}" for each in (bulk.ACCEPTED, bulk.KNOWN, REFUSED))
    refused = [result for result in report.results if result.status == REFUSED]
    for result in refused[:_MOST_SHOWN]:
        yield f"✘ row {result.row} {result.order or ''} {result.code}: {result.message}"
    if len(refused) > _MOST_SHOWN:
        yield f"  and {len(refused) - _MOST_SHOWN} more"
