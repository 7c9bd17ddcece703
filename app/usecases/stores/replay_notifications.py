"""Sends a store's notifications again, as they were: same ids, same bodies."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict
from app.domain.notification_kind import NotificationKind
from app.http_client.webhook_sender import Receiver
from app.storage import audit
from app.storage.audit import Act
from app.storage.stores import notification_messages
from app.storage.stores.notification_messages import PAGE, Message
from app.storage.stores.secrets import CannotDecrypt
from app.usecases.context import AppContext
from app.usecases.stores.notification_receiver import receiver_of

MOST_FAILURES = 3
"""Failures in a row after which a replay stops: the receiver is away."""


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """Which messages to send again."""

    store_number: int
    store: str
    """The name of the store in the audit."""
    since: datetime
    kinds: Sequence[NotificationKind] = ()
    """Empty means all."""
    everything: bool = False
    """Those that arrived as well."""


@dataclass(slots=True)
class ReplayReport:
    """The result of a replay."""

    sent: int = 0
    failed: list[tuple[UUID, str]] = field(default_factory=list)
    """The messages that did not arrive, and why."""
    stopped: bool = False
    """Whether it ended early, since the receiver is away."""


async def replay(context: AppContext, wanted: ReplayRequest, *, actor: str) -> ReplayReport:
    """Send messages again, the oldest first.

    Raises Conflict notifications_not_set or secret_unreadable.
    """
    receiver = await _receiver(context, wanted.store_number)
    report, in_a_row = ReplayReport(), 0
    async for message in _messages(context, wanted):
        sent = await context.webhook_sender.send(receiver, str(message.id), message.body)
        if sent.problem is None:
            report.sent, in_a_row = report.sent + 1, 0
            async with context.transaction() as connection:
                await notification_messages.replayed(connection, wanted.store_number, message)
            continue
        report.failed.append((message.id, sent.problem))
        in_a_row += 1
        if in_a_row >= MOST_FAILURES:
            report.stopped = True
            break
    await _record(context, wanted, report, actor)
    return report


async def _receiver(context: AppContext, store_number: int) -> Receiver:
    try:
        async with context.transaction() as connection:
            receiver = await receiver_of(context, connection, store_number)
    except CannotDecrypt as error:
        raise Conflict("secret_unreadable", f"A secret of the store: {error}.") from error
    if receiver is None:
        raise Conflict("notifications_not_set", "The store has no address for notifications.")
    return receiver


async def _messages(context: AppContext, wanted: ReplayRequest) -> AsyncIterator[Message]:
    after: UUID | None = None
    while True:
        async with context.transaction() as connection:
            page = await notification_messages.since(
                connection,
                wanted.store_number,
                wanted.since,
                wanted.kinds,
                delivered=wanted.everything,
                after=after,
            )
        for message in page:
            yield message
        if len(page) < PAGE:
            return
        after = page[-1].id


async def _record(
    context: AppContext, wanted: ReplayRequest, report: ReplayReport, actor: str
) -> None:
    after = {
        "since": wanted.since.isoformat().replace("+00:00", "Z"),
        "kinds": [kind.value for kind in wanted.kinds],
        "sent": report.sent,
        "failed": len(report.failed),
    }
    what = AuditedAct.NOTIFICATIONS_REPLAYED
    act = Act(what, actor, wanted.store, wanted.store_number, after=after)
    async with context.transaction() as connection:
        await audit.record(connection, context.new_id, act)
