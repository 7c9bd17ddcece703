"""A session of a person on the page."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.storage.queries.views.base import View


@dataclass(frozen=True, slots=True)
class SessionView(View):
    """A person who is signed in to the page."""

    id: UUID
    name: str
    """The person, as the timeline shows them."""
    scope: str
    """read, write (includes read) or admin (includes both)."""
    store_id: UUID | None
    """null: the person sees every store."""
    key_id: UUID | None
    """The API key with which the session ends. null: the key of the settings, or a command on the
    server."""
    key_name: str
    created_at: datetime
    last_seen_at: datetime
    """Exact to about a minute."""
    ends_at: datetime
    """When it ends without another use."""
