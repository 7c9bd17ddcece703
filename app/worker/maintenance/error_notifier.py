"""Sends notifications to the webhook of a store: of each kind one message a minute, with all news.

Notifications do not pass through the outbox: a slow receiver delays no delivery.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from app.domain import notification_kind
from app.domain.notification_kind import NotificationKind
from app.http_client.webhook_sender import Receiver, WebhookSender
from app.storage.postgres.database import Connection
from app.storage.stores import error_notifications, notification_messages
from app.storage.stores.error_notifications import BATCH, DueNotification, Occurrence
from app.storage.stores.notification_messages import Message
from app.storage.stores.secrets import CannotDecrypt
from app.usecases.context import AppContext
from app.usecases.stores.notification_receiver import receiver_of
from app.worker.maintenance import notification_bodies

# Seconds: the first wait after a failed message, the longest, and when to give up.
_FIRST, _LONGEST, GIVE_UP_AFTER = 60.0, 3600.0, 86_400.0
_MAX_EXPONENT = 10
_UNREADABLE = "No configured encryption key reads the address and its secret."
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErrorNotifier:
    """Notifies stores of what they chose."""

    context: AppContext
    webhook_sender: WebhookSender
    public_url: str
    """Address of this API in links. Empty means that links are paths."""

    async def work(self) -> bool:
        """Notify a batch of stores. True means that there may be more."""
        due = await error_notifications.take(self.context.database)
        await asyncio.gather(*(self._notify(store) for store in due))
        return len(due) >= BATCH

    async def _notify(self, store: DueNotification) -> None:
        receiver: Receiver | None = None
        async with self.context.transaction() as connection:
            # A message is stored before it is sent, so that it is the same whenever it is sent.
            messages = await notification_messages.waiting(connection, store.store_id)
            messages += await self._made(connection, store, messages)
            unreadable = False
            try:
                receiver = await receiver_of(self.context, connection, store.store_id)
            except CannotDecrypt:
                unreadable = True
        if not messages or (receiver is None and not unreadable):
            return
        problems = await asyncio.gather(*(self._problem(receiver, each) for each in messages))
        await self._record(store, messages, problems)

    async def _made(
        self, connection: Connection, store: DueNotification, waiting: Sequence[Message]
    ) -> list[Message]:
        """Make messages of what is new, except of kinds of which one waits already."""
        kinds = [message.kind for message in waiting]
        news: dict[NotificationKind, list[Occurrence]] = defaultdict(list)
        for each in await error_notifications.waiting(connection, store.store_id, without=kinds):
            news[notification_kind.of_occurrence(each.what)].append(each)
        made = []
        for kind, some in news.items():
            listed = some[: notification_bodies.MOST[kind]]
            message = notification_bodies.message(
                self.context.new_id(store.store_id),
                store,
                kind,
                listed,
                public_url=self.public_url,
                now=self.context.now(),
            )
            await notification_messages.add(connection, store.store_id, message)
            await error_notifications.drop(connection, store.store_id, listed)
            made.append(message)
        return made

    async def _problem(self, receiver: Receiver | None, message: Message) -> str | None:
        """Send a message. None means success; else a sentence says why it failed."""
        if receiver is None:
            return _UNREADABLE
        # mutation: notification-id
        sent = await self.webhook_sender.send(receiver, str(message.id), message.body)
        return sent.problem

    async def _record(
        self, store: DueNotification, messages: Sequence[Message], problems: Sequence[str | None]
    ) -> None:
        paired = list(zip(messages, problems, strict=True))
        arrived = [message for message, why in paired if why is None]
        left = [message for message, why in paired if why is not None]
        why = next((each for each in problems if each is not None), None)
        async with self.context.transaction() as connection:
            await notification_messages.delivered(connection, store.store_id, arrived)
            if why is None:
                await error_notifications.delivered(connection, store.store_id)
            elif (store.failing_for or 0.0) >= GIVE_UP_AFTER:
                _log.warning("notifications_given_up", store_id=store.store_id, why=why)
                await notification_messages.given_up(connection, store.store_id, left)
                count = sum(message.total for message in left)
                await error_notifications.give_up(connection, store.store_id, count, why)
            else:
                wait = min(_FIRST * 2 ** min(store.tries, _MAX_EXPONENT), _LONGEST)
                await error_notifications.failed(connection, store.store_id, why, wait)
