"""An act in the audit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.audited_act import AuditedAct
from app.storage.queries.views.base import View


@dataclass(frozen=True, slots=True)
class AuditedActView(View):
    """An act of a person or of a key that changes what others rely on."""

    id: UUID
    store_id: UUID | None
    """null for an act that belongs to no store."""
    at: datetime
    what: AuditedAct
    actor: str
    """The name of the API key or of the person, or `command line`."""
    api_key: str | None
    """Id of the API key, `admin` for the bootstrap key. null: a command on the server, or a refused
    sign-in."""
    address: str | None
    """Of the client, as its connection shows it. null: a command on the server."""
    subject: str
    """The name of a store, key or person, or the id of an update or Commerce event."""
    before: dict[str, Any]
    """Values that the act changed, by dotted names. A secret is never among them."""
    after: dict[str, Any]
    """The values since the act. A secret shows as `changed` or `removed`."""
    request_id: str | None
    """The X-Request-ID of the request, as in the log."""
