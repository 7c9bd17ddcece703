"""Gives an API key a new secret; the one before works for an overlap, in which clients change over.

The key stays the same otherwise: its id, name, store, scope, expiry, and the sessions of its users.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict, Unknown
from app.storage import audit, idempotency, queries
from app.storage.audit import NO_STORE, Act
from app.storage.idempotency import IdempotentRequest
from app.storage.postgres.database import Connection
from app.storage.stores import api_keys
from app.storage.stores.api_keys import ApiKey
from app.usecases.context import AppContext
from app.usecases.keys.create import CreatedKey

OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=30)


async def rotate(
    context: AppContext,
    key_id: UUID,
    overlap: timedelta,
    *,
    within: int | None,
    actor: str,
    once: IdempotentRequest | None = None,
) -> CreatedKey:
    """Rotate a key. within: the one store of which the actor may rotate keys; None means any.

    Raises Unknown key, and Conflict key_revoked, key_expired or key_signs.
    """
    secret = api_keys.new_secret()
    async with context.transaction(once) as connection:
        key = await api_keys.get(connection, key_id)
        # mutation: rotate-within-store
        if key is None or within not in {None, key.store_id}:
            raise Unknown("key", key_id)
        await renew(connection, context.new_id, key, secret, overlap, actor=actor)
        view = await queries.key(connection, key_id)
        if view is None:
            raise Unknown("key", key_id)
        await idempotency.store(connection, once, CreatedKey(view, None))
    return CreatedKey(view, secret)


async def renew(
    connection: Connection,
    new_id: Callable[[int], UUID],
    key: ApiKey,
    secret: str,
    overlap: timedelta,
    *,
    actor: str | None,
) -> ApiKey:
    """Give a key a secret in a transaction, and return the key.

    actor: None means a command on the server. Raises Conflict key_revoked, key_expired, key_signs.
    """
    if key.oauth:
        text = "A key that signs its requests cannot be rotated. Create another, then revoke it."
        raise Conflict("key_signs", text)
    if key.revoked_at is not None:
        raise Conflict("key_revoked", "The key was revoked before.")
    rotated = await api_keys.rotate(connection, key.id, secret, overlap)
    if rotated is None:
        raise Conflict("key_expired", "The key has expired. Create another.")
    until = rotated.previous_until
    after = {"previous_secret_until": None if until is None else until.isoformat()}
    store = NO_STORE if key.store_id is None else key.store_id
    act = Act(AuditedAct.KEY_ROTATED, actor or audit.COMMAND, key.name, store, after=after)
    await audit.record(connection, new_id, act)
    return rotated
