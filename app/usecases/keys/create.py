"""Creates an API key. Its secret is in the answer, and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict, Invalid, Problem, Unknown
from app.domain.key_name import LONGEST_NAME, is_name
from app.domain.scope import Scope
from app.storage import audit, idempotency, queries, rate_limits
from app.storage.audit import NO_STORE, Act
from app.storage.idempotency import IdempotentRequest
from app.storage.postgres.database import Connection
from app.storage.queries.views import KeyView, View
from app.storage.stores import api_keys, stores
from app.usecases.context import AppContext


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key to create."""

    name: str
    scopes: frozenset[Scope]
    store_id: UUID | None
    """Id of the one store that the key may see. None means every store."""
    expires_at: datetime | None = None
    secret: str | None = field(default_factory=api_keys.new_secret, repr=False)
    """None for a key that gets OAuth credentials."""


@dataclass(frozen=True, slots=True)
class CreatedKey(View):
    """A new API key with its secret, which no other answer shows."""

    key: KeyView
    secret: str | None = field(repr=False)
    """Send it as `Authorization: Bearer <secret>`. null when the answer is replayed under an
    Idempotency-Key: the secret is not stored."""


async def create(
    context: AppContext, new: NewKey, *, actor: str, once: IdempotentRequest | None = None
) -> CreatedKey:
    """Create a key.

    Raises Invalid key_name_invalid or expires_in_past, Unknown store, Conflict key_name_taken.
    """
    if not is_name(new.name):
        text = f"A name is one line of 1 to {LONGEST_NAME} characters, without blanks around it."
        raise Invalid("key_name_invalid", text, [Problem("key_name_invalid", text, "/name")])
    async with context.transaction(once) as connection:
        await _refuse_past(connection, new.expires_at)
        try:
            identifier = await add(connection, context.new_id, new, actor=actor)
        except api_keys.NameTaken as error:
            text = "Another key has or had this name; names are never used twice."
            problem = Problem("key_name_taken", text, "/name", conflict=True)
            raise Conflict("key_name_taken", text, [problem]) from error
        view = await queries.key(connection, identifier)
        if view is None:
            raise Unknown("key", identifier)
        # mutation: key-secret-not-replayed
        await idempotency.store(connection, once, CreatedKey(view, None))
    return CreatedKey(view, new.secret)


async def add(
    connection: Connection, new_id: Callable[[int], UUID], new: NewKey, *, actor: str | None
) -> UUID:
    """Add a key in a transaction, and return its id. Raises NameTaken, Unknown store.

    actor: None means a command on the server.
    """
    number = None
    if new.store_id is not None:
        number = await stores.number_of(connection, new.store_id)
        if number is None:
            raise Unknown("store", new.store_id)
    store = NO_STORE if number is None else number
    identifier = new_id(store)
    await api_keys.create(
        connection,
        identifier=identifier,
        name=new.name,
        store_id=number,
        scopes=frozenset(scope.value for scope in new.scopes),
        secret=new.secret,
        expires_at=new.expires_at,
        created_by=actor,
    )
    expires = None if new.expires_at is None else new.expires_at.isoformat()
    after = {
        "scopes": sorted(scope.value for scope in new.scopes),
        "every_store": new.store_id is None,
        "expires_at": expires,
    }
    act = Act(AuditedAct.KEY_CREATED, actor or audit.COMMAND, new.name, store, after=after)
    await audit.record(connection, new_id, act)
    return identifier


async def _refuse_past(connection: Connection, expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= await rate_limits.now(connection):
        text = "The key would have expired already."
        raise Invalid("expires_in_past", text, [Problem("expires_in_past", text, "/expires_at")])
