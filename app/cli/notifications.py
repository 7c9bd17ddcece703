"""`waybill notifications replay`: sends a store's notifications again."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime

from app import logs
from app.bootstrap import process
from app.domain.errors import NotAvailable, OrderError
from app.domain.notification_kind import NotificationKind
from app.endings import CannotGoOn
from app.settings import Settings
from app.storage import audit
from app.storage.stores import stores
from app.usecases.stores.replay_notifications import ReplayReport, ReplayRequest, replay


class CannotReplay(CannotGoOn):
    """The replay could not begin; the message says why."""


class NotAllSent(Exception):
    """A message did not arrive. Everything was printed."""


def run(
    settings: Settings,
    *,
    store: str,
    begin: datetime,
    kinds: Sequence[NotificationKind],
    everything: bool,
) -> Iterator[str]:
    """Send again, and yield lines to print. Raises CannotReplay, and NotAllSent at the end."""
    logs.configure("error")
    report = asyncio.run(_run(settings, store, begin, kinds, everything=everything))
    yield f"store {store}: {report.sent} sent, {len(report.failed)} failed"
    for identifier, why in report.failed:
        yield f"✘ {identifier}: {why}"
    if report.stopped:
        yield "  → It ended early, because the receiver is away. Run it again."
    if report.failed:
        raise NotAllSent


async def _run(
    settings: Settings,
    store: str,
    begin: datetime,
    kinds: Sequence[NotificationKind],
    *,
    everything: bool,
) -> ReplayReport:
    try:
        async with process.opened(settings) as parts:
            async with parts.database.begin() as connection:
                found = await stores.identity(connection, store)
            if found is None:
                raise CannotReplay(f"There is no store {store}.")
            wanted = ReplayRequest(found[0], store, begin, kinds, everything)
            return await replay(parts.context, wanted, actor=audit.COMMAND)
    except (NotAvailable, OrderError) as error:
        raise CannotReplay(str(error)) from error
