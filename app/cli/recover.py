"""`waybill recover`: reads Walmart after a restored backup, before the first poller starts."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from app import logs
from app.bootstrap import process
from app.bootstrap.process import Parts
from app.domain.errors import NotAvailable, OrderError
from app.domain.imports.cursor import OVERLAP
from app.domain.orders.drift import Cause, of_order
from app.domain.orders.unrequested import SHIPPED
from app.endings import CannotGoOn
from app.settings import Settings
from app.storage import rate_limits
from app.storage.imports import reconciliations
from app.storage.postgres import presence, readiness
from app.storage.recording import recovery
from app.storage.recording.recovery import Level
from app.usecases.imports import recover, recover_reads
from app.usecases.imports.recover_report import RecoverFinding, RecoverReport
from app.walmart import errors
from app.worker.importer.rate_limited_reader import PatientReader, ReadingHalted

# Stores read at once.
_AT_ONCE = 8
# Seconds of the longest pause that is waited out.
_PATIENCE = 120.0
_ALIVE = (
    "A poller works on this database. End every `waybill poller` and every `waybill serve` that "
    "has one, then try again."
)
Echo = Callable[[str], None]
_log = structlog.get_logger(__name__)


class CannotRecover(CannotGoOn):
    """The recovery could not begin, or lost the database; the message says why."""


class CouldNotRead(Exception):
    """Something could not be read. Everything was printed."""


@dataclass(frozen=True, slots=True)
class _Run:
    since: datetime
    """Changes at Walmart from this time on are read."""
    codes: dict[int, str]
    """Codes of the stores, by number."""
    reports: list[RecoverReport]


def run(settings: Settings, *, since: datetime | None, as_json: bool, echo: Echo) -> None:
    """Recover, and print findings line by line, or as JSON at the end.

    since: None means the time of the newest row. Raises CannotRecover, and CouldNotRead at the
    end.
    """
    logs.configure("error")

    def say(line: str) -> None:
        if not as_json:
            echo(line)

    try:
        done = asyncio.run(_run(settings, since, say))
    except NotAvailable as error:
        raise CannotRecover(f"{error} Nothing is lost: run it again.") from error
    if as_json:
        echo(json.dumps(_as_json(done), indent=2))
    if any(report.stopped or report.unread for report in done.reports):
        say(f"Fix the errors above, then run: waybill recover --since {_time(done.since)}")
        raise CouldNotRead


async def _run(settings: Settings, since: datetime | None, say: Echo) -> _Run:
    async with process.opened(settings) as parts:
        why_not = await readiness.not_ready(parts.database)
        if why_not is not None:
            raise CannotRecover(why_not)
        async with _no_poller(parts):
            done = await _prepare(parts, since, say)
        at_once = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for report in done.reports:
                group.create_task(_read(parts, done, report, at_once, say))
    return done


@asynccontextmanager
async def _no_poller(parts: Parts) -> AsyncIterator[None]:
    """Keep pollers out during the block. Raises CannotRecover if one works."""
    if process.can_listen(parts.settings):
        async with presence.alone(process.direct_url(parts.settings, parts.url)) as alone:
            if not alone:
                raise CannotRecover(_ALIVE)
            yield
        return
    # A transaction pooler keeps no session by which a poller could be seen.
    async with parts.database.begin() as connection:
        until = await recovery.leased_until(connection)
    if until is not None:
        leased = f"{_ALIVE} A lease lasts until {_time(until)}; WAYBILL_DATABASE_DIRECT_URL shows"
        raise CannotRecover(f"{leased} pollers for certain.")
    yield


async def _prepare(parts: Parts, since: datetime | None, say: Echo) -> _Run:
    async with parts.database.begin() as connection:
        now = await rate_limits.now(connection)
        newest = await recovery.newest(connection)
        codes = await reconciliations.codes(connection)
    # mutation: recovery-start-at-newest-row
    begin = since or (newest or now) - OVERLAP
    say(f"Reading the changes at Walmart since {_time(begin)}.")
    async with parts.database.begin() as connection:
        await recovery.raise_numbers(connection)
    say(f"New shipments and refunds are numbered from {recovery.MARGIN:,} higher.")
    # The last write before the restore may take effect as late as this.
    until = now + timedelta(seconds=parts.settings.quiet_period)
    reports = [RecoverReport(store_id) for store_id in sorted(codes)]
    for report in reports:
        await recover.prepare(parts.context, until, report)
    say(
        f"{sum(report.in_doubt for report in reports)} updates are in doubt until {_time(until)}: "
        "what they are about is read before anything is sent."
    )
    return _Run(begin, codes, reports)


async def _read(
    parts: Parts, done: _Run, report: RecoverReport, at_once: asyncio.Semaphore, say: Echo
) -> None:
    """Read a store. Its errors do not stop the others."""
    reader = PatientReader(parts.context, parts.breaker, report.store_id, _PATIENCE)
    async with at_once:
        try:
            await recover_reads.read(parts.context, done.since, report, reader)
        except errors.WalmartError as error:
            report.stopped = f"Waybill stopped reading Walmart: {error}"
        except (OrderError, ReadingHalted) as error:
            report.stopped = str(error)
        except Exception as error:  # noqa: BLE001 - logged; other stores go on
            _log.exception("store_not_recovered", store_id=report.store_id)
            report.stopped = f"Internal error in Waybill: {type(error).__name__}."
    for line in _lines(done.codes[report.store_id], report):
        say(line)


def _lines(code: str, report: RecoverReport) -> Iterator[str]:
    yield (
        f"store {code}: {report.in_doubt} updates in doubt, {report.orders} orders read, "
        f"{report.imported} imported, {report.returns} returns read, "
        f"{len(report.findings)} findings"
    )
    for finding in report.findings:
        yield f"• {_sentence(finding)}"
    for level in report.levels:
        yield f"• {_stock(level)}"
    for number in report.unknown:
        yield f"• {number}: {of_order(Cause.ORDER_UNKNOWN_AT_WALMART).sentence}"
    for number, why in report.unread.items():
        yield f"✘ {number} could not be read: {why}"
    if report.stopped:
        yield f"✘ it broke off: {report.stopped}"


def _sentence(finding: RecoverFinding) -> str:
    units = finding.units
    of = f"return {finding.return_order_id} " if finding.return_order_id else ""
    package = " (Walmart shows no tracking number)" if units.what == SHIPPED else ""
    if units.tracking_number:
        package = f" under {units.tracking_number}" + (
            f" ({units.carrier})" if units.carrier else ""
        )
    return (
        f"{finding.purchase_order_id} {of}line {units.line_number}: {units.units} units "
        f"{units.what}{package}, not asked for here"
    )


def _stock(level: Level) -> str:
    node = f" at {level.ship_node}" if level.ship_node else ""
    what = "read again from Commerce" if level.asked else "unknown: set it again"
    return f"stock of {level.sku}{node}: {what}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _as_json(done: _Run) -> dict[str, Any]:
    return {
        "since": _time(done.since),
        "stores": [_report_json(done.codes[each.store_id], each) for each in done.reports],
    }


def _report_json(code: str, report: RecoverReport) -> dict[str, Any]:
    return {
        "store": code,
        "in_doubt": report.in_doubt,
        "orders": report.orders,
        "imported": report.imported,
        "returns": report.returns,
        "stopped": report.stopped,
        "unread": report.unread,
        "unknown": report.unknown,
        "stock": [
            {"sku": each.sku, "ship_node": each.ship_node, "asked": each.asked}
            for each in report.levels
        ],
        "findings": [_finding_json(each) for each in report.findings],
    }


def _finding_json(finding: RecoverFinding) -> dict[str, Any]:
    units = finding.units
    return {
        "purchase_order_id": finding.purchase_order_id,
        "return_order_id": finding.return_order_id,
        "what": units.what,
        "line_number": units.line_number,
        "units": units.units,
        "tracking_number": units.tracking_number,
        "carrier": units.carrier,
    }
