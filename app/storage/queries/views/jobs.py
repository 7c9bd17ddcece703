"""A job: one act on many orders or updates, and how far it is."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.storage.queries.views.base import View


@dataclass(frozen=True, slots=True)
class JobResultView(View):
    """How many updates or orders of a job had the same result."""

    result: str
    """As the act on a single one answers it, or the code of a problem."""
    count: int
    explanation: str
    """Of the first of them."""
    ids: tuple[UUID, ...]
    """Some of them."""


@dataclass(frozen=True, slots=True)
class JobView(View):
    """One act on all orders or updates that a filter finds, and how far it is."""

    id: UUID
    store_id: UUID | None
    """null for a job over all stores."""
    kind: str
    state: str
    """queued, running, finished or failed."""
    actor: str
    total: int | None
    """How many orders or updates matched when the job began. null before."""
    done: int
    """How many of them it has come to."""
    succeeded: int
    refused: int
    skipped: int
    """Those with nothing to do, or that had changed."""
    results: tuple[JobResultView, ...]
    error: str | None
    """Why the job failed."""
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None
