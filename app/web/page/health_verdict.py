"""The verdict on sync health: what is worst now, in words, and the button that helps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.storage.queries.views import HealthView, LaneHealthView, StoreHealthView
from app.web.page.i18n import deferred

# An update that waits longer than what merchants are used to is late.
_LATE = timedelta(minutes=5)
# Readings that are this long ago are no longer usual, whatever the interval.
_LONG_AGO = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """What a page says of one kind of trouble. The texts may name `%(store)s`."""

    title: str
    text: str
    button: str = ""
    path: str = ""
    """Of the button. `{}` is the id of the store."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is worst now."""

    tone: str
    icon: str
    words: VerdictWords
    store: StoreHealthView | None = None
    since: datetime | None = None
    """Since when it is so."""

    @property
    def path(self) -> str:
        """The path of the button; empty without one."""
        return self.words.path.format(self.store.id if self.store else "")


_NEW_KEYS = deferred("Give new keys")
_STORE = "/stores/{}"
BLOCKED = {
    "credentials_rejected": VerdictWords(
        deferred("%(store)s sends nothing: Walmart rejects its keys"),
        deferred("Nothing is lost. All of it goes out by itself once the keys are right."),
        _NEW_KEYS,
        _STORE,
    ),
    "walmart_access_denied": VerdictWords(
        deferred("%(store)s sends nothing: its keys lack a permission at Walmart"),
        deferred("Nothing is lost. Allow it in Walmart's Developer Portal, or give other keys."),
        deferred("Open the store"),
        _STORE,
    ),
    "secret_unreadable": VerdictWords(
        deferred("%(store)s sends nothing: Waybill cannot read its keys"),
        deferred("Nothing is lost. Give the keys again, and all of it goes out by itself."),
        _NEW_KEYS,
        _STORE,
    ),
    "commerce_credentials_rejected": VerdictWords(
        deferred("Commerce rejects the access token of %(store)s"),
        deferred("Walmart gets everything. What Commerce should know waits for a new token."),
        deferred("Give a new token"),
        _STORE,
    ),
    "commerce_access_denied": VerdictWords(
        deferred("The access token of %(store)s lacks a permission in Commerce"),
        deferred("Walmart gets everything. What Commerce should know waits for the permission."),
        deferred("Open the store"),
        _STORE,
    ),
}
PAUSED = {
    "walmart_unavailable": VerdictWords(
        deferred("Walmart does not answer for %(store)s"),
        deferred("Nothing is lost. Waybill tries again by itself, a call at a time."),
    ),
    "commerce_unavailable": VerdictWords(
        deferred("Commerce does not answer for %(store)s"),
        deferred("Walmart gets everything. Waybill tries Commerce again by itself."),
    ),
}
_IDLE = VerdictWords(
    deferred("Nothing is sent: no sender of Waybill is running"),
    deferred("Nothing is lost. Ask the person who runs Waybill to start it."),
)
_WAITS = VerdictWords(
    deferred("%(store)s is late"),
    deferred("Waybill sends on by itself. The orders show what each of them waits for."),
    deferred("Show what waits"),
    "/orders?sync=pending",
)
_READING = VerdictWords(
    deferred("Orders of %(store)s are not read from Walmart"),
    deferred("New orders and cancellations come late. Waybill tries again by itself."),
    deferred("Open the store"),
    _STORE,
)
_FAILED = VerdictWords(
    deferred("All is on time, and some updates need you"),
    deferred("Walmart refused them, or nothing helped. Each says what to do."),
    deferred("See what to do"),
    "/attention",
)
_DIFFERS = VerdictWords(
    deferred("%(store)s differs from Walmart"),
    deferred("The comparison found orders that only you can put right."),
    deferred("See what to do"),
    "/attention",
)
_ASKS = VerdictWords(
    deferred("Every update arrives on time, and something asks for a decision"),
    deferred("A buyer asks to cancel, a date is near, or a return waits for its refund."),
    deferred("See what to do"),
    "/attention",
)
_WELL = VerdictWords(
    deferred("All is well"),
    deferred("Every update arrives on time, and none of them waits for you."),
)
_NO_STORE = VerdictWords(
    deferred("No store is connected yet"),
    deferred("Connect a store, and this page shows how its orders keep in step with Walmart."),
    deferred("Connect a store"),
    "/stores/connect",
)


def verdict(health: HealthView, now: datetime, attention: int) -> Verdict:
    """What is worst now. attention: how many problems need a person."""
    well = Verdict("warn", "warning", _ASKS) if attention else Verdict("good", "check", _WELL)
    return next(_findings(health, now), well)


def _findings(health: HealthView, now: datetime) -> Iterator[Verdict]:
    """What is wrong, the worst first."""
    if not health.stores:
        yield Verdict("", "store", _NO_STORE)
    yield from _of_stores(health, now, _blocked)
    if not health.pollers and _late(health.backlog.oldest_at, now):
        yield Verdict("bad", "pause", _IDLE, None, health.backlog.oldest_at)
    for finding in (_paused, _waits, _unread):
        yield from _of_stores(health, now, finding)
    if health.backlog.failed:
        yield Verdict("warn", "warning", _FAILED)
    yield from _of_stores(health, now, _differs)


def _of_stores(
    health: HealthView,
    now: datetime,
    finding: Callable[[StoreHealthView, datetime], Verdict | None],
) -> Iterator[Verdict]:
    found = (finding(store, now) for store in health.stores)
    return (each for each in found if each is not None)


def _blocked(store: StoreHealthView, _: datetime) -> Verdict | None:
    lane = _stopped(store, BLOCKED)
    words = BLOCKED[lane.reason or ""] if lane else None
    return Verdict("bad", "warning", words, store, lane.since) if lane and words else None


def _paused(store: StoreHealthView, _: datetime) -> Verdict | None:
    lane = _stopped(store, PAUSED)
    words = PAUSED[lane.reason or ""] if lane else None
    return Verdict("warn", "warning", words, store, lane.since) if lane and words else None


def _waits(store: StoreHealthView, now: datetime) -> Verdict | None:
    oldest = store.backlog.oldest_at
    return Verdict("warn", "clock", _WAITS, store, oldest) if _late(oldest, now) else None


def _unread(store: StoreHealthView, now: datetime) -> Verdict | None:
    read = store.reading.finished_at if store.reading else None
    if read is None or now - read <= _LONG_AGO:
        return None
    return Verdict("warn", "clock", _READING, store, read)


def _differs(store: StoreHealthView, _: datetime) -> Verdict | None:
    found = store.comparison
    if found is None or not found.differences:
        return None
    return Verdict("warn", "warning", _DIFFERS, store, found.finished_at)


def _stopped(store: StoreHealthView, reasons: dict[str, VerdictWords]) -> LaneHealthView | None:
    return next((lane for lane in store.lanes if lane.reason in reasons), None)


def _late(oldest_at: datetime | None, now: datetime) -> bool:
    return oldest_at is not None and now - oldest_at > _LATE
