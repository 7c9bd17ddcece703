"""Records acts of persons and keys in the audit, in the transaction of what they change.

`origin` is where an act comes from. The HTTP edge sets it for each request, so that a use case
names only the act. Outside of a request it is empty: a command on the server.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import logs, tracing
from app.domain.audited_act import AuditedAct
from app.storage.postgres.database import Connection
from app.storage.tables import audit

COMMAND = "command line"
"""The actor of a command on the server."""
NO_STORE = 0
"""The store number of an act that belongs to no store."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that an act comes from."""

    api_key: str | None = None
    """Id of the API key. None means a command on the server, or a request without a key."""
    address: str | None = None
    """Of the client (`app/web/client_address.py`)."""
    request_id: str | None = None
    actor: str | None = None
    """Name of the API key or of the person. None before it is known."""
    store_id: int | None = None
    """The one store that the actor may see. None means every store, or no actor."""
    traceparent: str | None = None
    """Of W3C Trace Context, without unknown parts. None if the request has none that is valid."""

    @property
    def thread(self) -> dict[str, str | None]:
        """What an update keeps of its request, by column."""
        return {"request_id": self.request_id, "traceparent": self.traceparent}

    @classmethod
    def load(cls, kept: Mapping[str, Any] | None) -> "Origin":
        """What `asdict` made of one, perhaps in another version. None: nothing is known."""
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in (kept or {}).items() if name in names})


origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - frozen


@contextmanager
def continued(request_id: str | None, traceparent: str | None) -> Iterator[None]:
    """Let the block belong to an earlier request, unless it is part of one already."""
    if request_id is None or origin.get().request_id is not None:
        yield
        return
    token = origin.set(Origin(request_id=request_id, traceparent=traceparent))
    logs.now_about(request_id=request_id, trace_id=tracing.trace_id(traceparent))
    try:
        yield
    finally:
        origin.reset(token)
        logs.about_nothing()


@dataclass(frozen=True, slots=True)
class Act:
    """An act to record. before and after hold the values that changed, never a secret."""

    what: AuditedAct
    actor: str
    """Name of the API key, or of the person."""
    subject: str
    """Name or id of what the act is about."""
    store_id: int = NO_STORE
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


async def record(connection: Connection, new_id: Callable[[int], UUID], *acts: Act) -> None:
    """Write acts, in the transaction of the changes that they describe."""
    await record_from(connection, new_id, *((origin.get(), act) for act in acts))


async def record_from(
    connection: Connection, new_id: Callable[[int], UUID], *acts: tuple[Origin, Act]
) -> None:
    """Write acts, each with the request that it comes from."""
    if acts:
        rows = [_row(new_id(act.store_id), given, act) for given, act in acts]
        await connection.execute(sa.insert(audit), rows)


def _row(identifier: UUID, given: Origin, act: Act) -> dict[str, Any]:
    return {
        "store_id": act.store_id,
        "id": identifier,
        "what": act.what.value,
        "actor": act.actor,
        "api_key": given.api_key,
        "address": given.address,
        "request_id": given.request_id,
        "subject": act.subject,
        "before": dict(act.before),
        "after": dict(act.after),
    }
