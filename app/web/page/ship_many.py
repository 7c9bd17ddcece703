"""Ship many orders from a file or from pasted rows: check them, see each result, then send."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Response
from starlette.datastructures import UploadFile

from app.domain.errors import Invalid
from app.usecases.bulk import dry_run, run
from app.usecases.bulk import rows as bulk_rows
from app.usecases.bulk.row_requests import Batch
from app.usecases.bulk.rows import SHIPMENT_COLUMNS, Row
from app.usecases.bulk.run import ACCEPTED, KNOWN, REFUSED, BulkReport
from app.web.page import refusals
from app.web.page.context import PageContext, PageWriting
from app.web.page.i18n import deferred
from app.web.page.picked_store import picked_store
from app.web.page.route import PageRouter
from app.web.page.viewer import viewing
from app.web.path_rules import FILE

router: Final = PageRouter(limit=FILE)
# Rows that a page shows; the totals count all of them.
_SHOWN: Final = 500
_EMPTY: Final = deferred("Choose a file, or paste rows.")
_STORE: Final = deferred("Choose the store of the orders.")
_NOT_TEXT: Final = deferred("The file is not a text file (CSV in UTF-8).")
_RESULTS: Final = {
    ACCEPTED: deferred("Ready to send"),
    KNOWN: deferred("Sent before; nothing happens"),
    REFUSED: deferred("Cannot be sent"),
}
_DONE: Final = {
    ACCEPTED: deferred("On its way"),
    KNOWN: deferred("Sent before; nothing happened"),
    REFUSED: deferred("Not sent"),
}


@dataclass(frozen=True, slots=True)
class _Given:
    """The rows as they were given."""

    text: str = ""
    problem: str = ""
    store_problem: str = ""
    """What is wrong with them, in the person's language or as the reader of the file says it."""


@router.get("/orders/ship-many")
async def ask(context: PageWriting) -> Response:
    """The form."""
    return _form(context, _Given())


@router.post("/orders/ship-many")
async def check_or_send(context: PageWriting) -> Response:
    """Check the rows; with the button of the second step, send them."""
    text = await _text(context)
    store = picked_store(context)
    if text is None:
        return _form(context, _Given(problem=context.viewer.gettext(_NOT_TEXT)))
    if store is None:
        return _form(context, _Given(text, store_problem=_STORE))
    if not text.strip():
        return _form(context, _Given(problem=context.viewer.gettext(_EMPTY)))
    try:
        rows = await asyncio.to_thread(_rows, text)
    except Invalid as error:
        with viewing(context.viewer):
            words = " ".join(refusals.refusal(error.code))
        return _form(context, _Given(text, f"{words} ({error})"))
    batch = Batch(store.store_id, context.actor)
    if context.form.get("step") != "send":
        report = await dry_run.ship_rows(context.app, batch, rows)
        return _results(context, text, rows, report, sent=False)
    # A row that was sent before is known by its content: a repeated form sends nothing twice.
    report = await run.ship_rows(context.app, batch, rows)
    return _results(context, text, rows, report, sent=True)


async def _text(context: PageContext) -> str | None:
    """The rows of the file, or else those that were pasted. None: the file is not text."""
    file = context.form.get("file")
    if isinstance(file, UploadFile) and file.filename:
        content = await file.read()
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
    return str(context.form.get("rows", ""))


def _rows(text: str) -> list[Row]:
    """Rows with a header line, separated by commas, semicolons, or tabs as a spreadsheet copies."""
    first = text.lstrip().partition("\n")[0]
    if "\t" in first and "," not in first:
        text = text.replace(",", " ").replace("\t", ",")
    return run.limited(bulk_rows.read_csv(text.lstrip(), SHIPMENT_COLUMNS))


def _results(
    context: PageContext, text: str, rows: Sequence[Row], report: BulkReport, *, sent: bool
) -> Response:
    numbered = {row.number: row for row in rows}
    shown = sorted(report.results, key=lambda each: (each.status != REFUSED, each.row))[:_SHOWN]
    return context.render(
        "ship_many_results.html",
        rows=text,
        chosen=context.form.get("store_id", ""),
        totals=report.totals,
        results=[(each, numbered[each.row].fields) for each in shown],
        said=_said,
        more=len(report.results) - len(shown),
        words=_DONE if sent else _RESULTS,
        sent=sent,
    )


def _said(code: str | None, message: str | None) -> str:
    """A refusal or a warning in a merchant's words, or else as the reader of the file says it."""
    if code is None or code not in refusals.REFUSALS:
        return message or ""
    return " ".join(filter(None, refusals.refusal(code)))


def _form(context: PageContext, given: _Given) -> Response:
    return context.render(
        "ship_many.html",
        status=422 if given.problem or given.store_problem else 200,
        given=given,
        chosen=context.form.get("store_id", ""),
        columns=SHIPMENT_COLUMNS,
    )
