"""Sync health: how updates were delivered, and what each store can send and read now."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.storage.queries.views.base import View


@dataclass(frozen=True, slots=True)
class DeliveriesView(View):
    """Updates that were confirmed or failed in a span of time."""

    confirmed: int
    first_try: int
    """Confirmed by the first try."""
    after_retry: int
    """Confirmed by a later try."""
    failed: int
    """Refused or given up. An update that is retried later counts as confirmed too."""
    p50_seconds: float | None
    """From accepted to confirmed: half of the updates took at most so long. Computed from counts
    in buckets up to an hour. null means that none was confirmed."""
    p99_seconds: float | None
    """The same of 99 of 100 updates."""


@dataclass(frozen=True, slots=True)
class DeliveryPointView(View):
    """Deliveries of one step of the series."""

    starts_at: datetime
    deliveries: DeliveriesView


@dataclass(frozen=True, slots=True)
class KindDeliveriesView(View):
    """Deliveries of one kind of update."""

    kind: str
    deliveries: DeliveriesView


@dataclass(frozen=True, slots=True)
class BacklogView(View):
    """Updates that are not confirmed yet, and those that need a person."""

    waiting: int
    """Updates that are sent, verified or retried without help. At most 1,000 of a store are
    counted."""
    oldest_at: datetime | None
    """When the oldest of them was accepted."""
    failed: int
    """Updates that need a decision. At most 1,000 of a store are counted."""


@dataclass(frozen=True, slots=True)
class LaneHealthView(View):
    """Whether a store's calls of one kind may go out."""

    endpoint: str
    """`*` means all of Walmart, `commerce` the store's Commerce."""
    state: str
    """`free`, `paused` until a time, or `blocked` until a person acts; a trial call goes out from
    time to time."""
    reason: str | None
    """Why it is paused or blocked: a code, as in `status_details` of a store."""
    since: datetime | None
    until: datetime | None
    """When the next call may go out."""
    tokens: int | None
    """Calls left, by Walmart's last answer. null means that Walmart does not say."""


@dataclass(frozen=True, slots=True)
class ReadingHealthView(View):
    """How far the orders of a store are read from Walmart."""

    finished_at: datetime | None
    """When the last reading ended."""
    read_until: datetime | None
    """Changes before this time are known."""
    stopped: str | None
    """Why the last reading broke off."""
    unread: int
    """Orders that could not be read. They are tried again."""


@dataclass(frozen=True, slots=True)
class AnnouncementsView(View):
    """Whether Walmart announces changes of a store by webhooks."""

    subscribed_since: datetime | None
    """null means that there is no subscription; orders are read at intervals."""
    last_at: datetime | None
    """When the last event arrived, within the last 7 days."""


@dataclass(frozen=True, slots=True)
class ComparisonView(View):
    """The last comparison of a store's recent orders with Walmart's, line by line."""

    finished_at: datetime
    orders: int
    repaired: int
    """Orders that were brought in line with Walmart."""
    differences: int
    """Differences that need a person."""
    stopped: str | None
    """Why it ended early."""


@dataclass(frozen=True, slots=True)
class StoreHealthView(View):
    """One store: its deliveries, and what it can send and read now."""

    id: UUID
    name: str
    code: str
    market: str
    deliveries: DeliveriesView
    backlog: BacklogView
    lanes: tuple[LaneHealthView, ...]
    reading: ReadingHealthView | None
    """null means that no reading has begun."""
    announcements: AnnouncementsView
    comparison: ComparisonView | None


@dataclass(frozen=True, slots=True)
class HealthView(View):
    """How updates were delivered lately, and what holds them up now."""

    since: datetime
    until: datetime
    """Counts before this time are final: two to seven minutes ago. Later deliveries of a store are
    counted every few seconds, if they are at most 1,000."""
    step_minutes: int
    """Length of a step of `series`."""
    deliveries: DeliveriesView
    kinds: tuple[KindDeliveriesView, ...]
    series: tuple[DeliveryPointView, ...]
    """Every step, the oldest first. The last one may not be over."""
    backlog: BacklogView
    stores: tuple[StoreHealthView, ...]
    """The 100 stores with the most trouble, the worst first: blocked, then paused, then by failed
    and by waiting updates."""
    more_stores: bool
    """Whether there are stores that are not listed."""
    pollers: int
    """Pollers that are connected now. Behind a transaction pooler those that are sending now."""
