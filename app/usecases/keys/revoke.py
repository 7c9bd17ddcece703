"""Revokes an API key: it stops within seconds, and the sessions that it opened with it."""

from collections.abc import Callable
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict, Unknown
from app.storage import audit, queries
from app.storage.audit import NO_STORE, Act
from app.storage.postgres.database import Connection
from app.storage.queries.views import KeyView
from app.storage.stores import api_keys
from app.storage.stores.api_keys import ApiKey
from app.usecases.context import AppContext


async def revoke(context: AppContext, key_id: UUID, *, within: int | None, actor: str) -> KeyView:
    """Revoke a key. within: the one store of which the actor may revoke keys; None means any.

    Raises Unknown key, and Conflict key_revoked for a key that was revoked before.
    """
    async with context.transaction() as connection:
        key = await api_keys.get(connection, key_id)
        # mutation: revoke-within-store
        if key is None or within not in {None, key.store_id}:
            raise Unknown("key", key_id)
        if not await end(connection, context.new_id, key, actor=actor):
            raise Conflict("key_revoked", "The key was revoked before.")
        view = await queries.key(connection, key_id)
        if view is None:
            raise Unknown("key", key_id)
    return view


async def end(
    connection: Connection, new_id: Callable[[int], UUID], key: ApiKey, *, actor: str | None
) -> bool:
    """Revoke a key in a transaction; False if it was revoked before.

    actor: None means a command on the server.
    """
    if not await api_keys.revoke(connection, key.name):
        return False
    store = NO_STORE if key.store_id is None else key.store_id
    act = Act(AuditedAct.KEY_REVOKED, actor or audit.COMMAND, key.name, store)
    await audit.record(connection, new_id, act)
    return True
