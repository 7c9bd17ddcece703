"""`waybill reconcile`: compares recent orders with Walmart's now."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from app import logs
from app.bootstrap import process
from app.cli import durations
from app.domain.errors import NotAvailable
from app.endings import CannotGoOn
from app.settings import Settings
from app.storage.imports import reconciliations
from app.storage.stores import stores
from app.usecases.imports import reconcile
from app.usecases.imports.reconcile_report import ReconcileFinding, ReconcileReport

_LONGEST = timedelta(days=179)


class CannotReconcile(CannotGoOn):
    """The comparison could not begin; the message says why."""


def since(text: str, now: datetime) -> datetime:
    """Parse a start time: so long ago (30m, 24h, 7d), or a date. Raises ValueError."""
    ago = durations.parse(text)
    if ago is not None:
        at = now - ago
    else:
        at = datetime.fromisoformat(text.strip())
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if not now - _LONGEST <= at <= now:
        raise ValueError("Walmart lists what was ordered within the last 179 days.")
    return at


def run(settings: Settings, *, store: str | None, begin: datetime, as_json: bool) -> Iterator[str]:
    """Compare, and yield lines to print. Raises CannotReconcile, and NeedsAttention at the end."""
    logs.configure("error")
    codes, reports = asyncio.run(_run(settings, store, begin))
    if as_json:
        yield json.dumps([_as_json(codes[report.store_id], report) for report in reports], indent=2)
    else:
        for report in reports:
            yield from _lines(codes[report.store_id], report)
    if any(report.left or report.stopped for report in reports):
        raise NeedsAttention


class NeedsAttention(Exception):
    """A difference needs a person. Everything was printed."""


async def _run(
    settings: Settings, store: str | None, begin: datetime
) -> tuple[dict[int, str], list[ReconcileReport]]:
    reports = []
    try:
        async with process.opened(settings) as parts:
            async with parts.database.begin() as connection:
                codes = await reconciliations.codes(connection)
                found = None if store is None else await stores.identity(connection, store)
            if store is not None and found is None:
                known = ", ".join(codes.values())
                raise CannotReconcile(f"There is no store {store}; stores are {known}.")
            for number in sorted(codes) if found is None else [found[0]]:
                report = await reconcile.reconcile(parts.context, number, begin)
                reports.append(
                    report or ReconcileReport(number, stopped="Another run is at it now.")
                )
    except NotAvailable as error:
        raise CannotReconcile(str(error)) from error
    return codes, reports


def _lines(code: str, report: ReconcileReport) -> Iterator[str]:
    tally = report.tally
    yield (
        f"store {code}: {report.orders} orders compared, {len(report.findings)} differences, "
        f"{tally.repaired} mended, {len(report.left)} for a person"
    )
    for each in report.findings:
        where = f" line {each.drift.line_number}" if each.drift.line_number else ""
        units = (
            ""
            if each.drift.here is None
            else f" ({each.drift.here} here, {each.drift.walmart} there)"
        )
        mark = "✔" if each.mended else "✘"
        yield f"{mark} {each.purchase_order_id}{where} {each.drift.cause}{units}"
        yield f"  → {each.drift.sentence}"
    if report.stopped:
        yield f"✘ it broke off: {report.stopped}"


def _as_json(code: str, report: ReconcileReport) -> dict[str, object]:
    return {
        "store": code,
        "orders": report.orders,
        "repaired": report.tally.repaired,
        "stopped": report.stopped,
        "findings": [_finding(each) for each in report.findings],
    }


def _finding(each: ReconcileFinding) -> dict[str, object]:
    return {
        "purchase_order_id": each.purchase_order_id,
        "order_id": str(each.order_id) if each.order_id else None,
        "line_number": each.drift.line_number,
        "cause": each.drift.cause.value,
        "here": each.drift.here,
        "walmart": each.drift.walmart,
        "mended": each.mended,
        "message": each.drift.sentence,
    }
