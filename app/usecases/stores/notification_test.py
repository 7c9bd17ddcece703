"""Sends a test notification to a store's receiver, and says what came back."""

import json
from dataclasses import dataclass
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict, Unknown
from app.http_client.webhook_sender import WebhookResult
from app.storage import audit, idempotency, queries
from app.storage.audit import Act
from app.storage.idempotency import IdempotentRequest
from app.storage.queries.views import StoreView, View
from app.storage.stores.secrets import CannotDecrypt
from app.usecases.context import AppContext
from app.usecases.stores.notification_receiver import receiver_of


@dataclass(frozen=True, slots=True)
class NotificationTest(View):
    """What a receiver answered to a test notification."""

    ok: bool
    status: int | None
    """The HTTP status. null: there was no answer."""
    seconds: float
    message: str


async def send_test(
    context: AppContext, store_id: UUID, *, actor: str, once: IdempotentRequest | None = None
) -> NotificationTest:
    """Send a test message now; it is not repeated.

    Raises Unknown store, Conflict notifications_not_set or secret_unreadable.
    """
    async with context.transaction(once) as connection:
        store = await queries.store(connection, store_id)
        if store is None:
            raise Unknown("store", store_id)
        try:
            receiver = await receiver_of(context, connection, store.store_id)
        except CannotDecrypt as error:
            raise Conflict("secret_unreadable", f"A secret of the store: {error}.") from error
    if receiver is None:
        raise Conflict("notifications_not_set", "The store has no address for notifications.")
    identifier = str(context.new_id(store.store_id))
    body = _body(context, store, identifier)
    tested = _tested(await context.webhook_sender.send(receiver, identifier, body))
    async with context.transaction(once) as connection:
        after = {"ok": tested.ok, "status": tested.status, "seconds": tested.seconds}
        what = AuditedAct.NOTIFICATION_TESTED
        act = Act(what, actor, store.name, store.store_id, after=after)
        await audit.record(connection, context.new_id, act)
        await idempotency.store(connection, once, tested)
    return tested


def _tested(result: WebhookResult) -> NotificationTest:
    problem = result.problem
    message = problem or f"The receiver answered {result.status}."
    return NotificationTest(problem is None, result.status, round(result.seconds, 3), message)


def _body(context: AppContext, store: StoreView, identifier: str) -> str:
    return json.dumps(
        {
            "id": identifier,
            "type": "test",
            "sent_at": context.now().isoformat().replace("+00:00", "Z"),
            "store": {"id": str(store.id), "code": store.code, "name": store.name},
            "text": f"{store.name}: this is a test notification of Waybill.",
        }
    )
