"""An API key without its secret."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.storage.queries.views.base import View


@dataclass(frozen=True, slots=True)
class KeyView(View):
    """An API key, without its secret."""

    id: UUID
    name: str
    scope: str
    """read, write (includes read) or admin (includes both)."""
    store_id: UUID | None
    """null: the key sees every store."""
    kind: str
    """bearer, or oauth for a key that signs requests by OAuth 1.0a."""
    prefix: str
    """The first characters of the secret, to recognise it by. `oauth` for such a key."""
    state: str
    """works, expired or revoked."""
    created_at: datetime
    created_by: str | None
    """The name of the key or person that created it. null: a command on the server."""
    expires_at: datetime | None
    """From when on the key does not work. null: never."""
    last_used_at: datetime | None
    """Exact to about a minute. null: not used since Waybill records it."""
    revoked_at: datetime | None
    rotated_at: datetime | None
    """When the key got its present secret. null: when it was created."""
    previous_until: datetime | None
    """Until when a secret works that was replaced. null: none does."""
