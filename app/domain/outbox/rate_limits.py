"""Rate limits and circuit breaker of a lane: a store's calls to one endpoint of Walmart's.

A store's Commerce is a lane too. Walmart has a token bucket for each seller and endpoint, and says
in headers how many calls are left. Pollers share a lane's state in the database. A 429 pauses the
lane until the bucket refills:

closed ──BREAK_AFTER calls without a valid answer──▶ open ──cooldown over──▶ half-open
  ▲                                                   ▲──────probe fails────────┤
  └────────────────────────────probe succeeds───────────────────────────────────┘

Half-open means one call at a time. Times are the database's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.outbox.outcome import Pause
from app.domain.update import Kind

# Calls in flight until Walmart's first answer shows the size of the bucket.
FIRST_CALLS = 4
# Calls in flight to a Commerce: it names no limit, and it serves the shop's buyers too.
COMMERCE_CALLS = 4
# Calls in a row without a valid answer that open the circuit.
BREAK_AFTER = 5
BROKEN = "walmart_unavailable"
COMMERCE_BROKEN = "commerce_unavailable"
# Reasons of a pause that need a person; the lane is probed nevertheless.
BLOCKED = frozenset(
    {
        "credentials_rejected",
        "walmart_access_denied",
        "secret_unreadable",
        "commerce_credentials_rejected",
        "commerce_access_denied",
    }
)
UNLIMITED = 1_000_000
# Size of the bucket of an own cap, as seconds of its rate.
OWN_BURST = 10
_MAX_EXPONENT = 20


class Endpoint(StrEnum):
    """The lanes of a store: Walmart's endpoints, each with a bucket of its own, and Commerce."""

    ALL = "*"
    """All of Walmart."""
    READ = "read_order"
    LIST = "list_orders"
    RELEASED = "list_released"
    RETURNS = "list_returns"
    ACKNOWLEDGE = "acknowledge"
    SHIP = "ship"
    CANCEL = "cancel"
    REFUND = "refund"
    INVENTORY = "inventory"
    COMMERCE = "commerce"
    """The store's Commerce, which ALL does not cover."""


# The endpoint that an update of a kind writes to.
WRITTEN_TO = {
    Kind.ACKNOWLEDGEMENT: Endpoint.ACKNOWLEDGE,
    Kind.SHIPMENT: Endpoint.SHIP,
    Kind.TRACKING: Endpoint.SHIP,
    Kind.CANCELLATION: Endpoint.CANCEL,
    Kind.REFUND: Endpoint.REFUND,
    Kind.INVENTORY: Endpoint.INVENTORY,
    Kind.COMMERCE_ORDER: Endpoint.COMMERCE,
    Kind.COMMERCE_NOTE: Endpoint.COMMERCE,
}
# These read Walmart before every write, the first included (contract, promise 3).
READ_FIRST = frozenset({Kind.CANCELLATION, Kind.REFUND, Kind.TRACKING})


def lanes_for(kind: Kind, *, reads: bool) -> list[Endpoint]:
    """Return every lane that an update of a kind uses. reads: Walmart is read before the write."""
    writing = WRITTEN_TO[kind]
    if kind is Kind.COMMERCE_NOTE:
        return [writing]
    # The buyer of an order is read from Walmart before the order is written to Commerce.
    reads = reads or kind is Kind.COMMERCE_ORDER
    return [Endpoint.ALL, *([Endpoint.READ] if reads else []), writing]


def endpoint_of(operation: str) -> Endpoint:
    """Return the lane of a client's operation; ALL for a token and for what has no lane."""
    if operation.startswith(Endpoint.COMMERCE):
        return Endpoint.COMMERCE
    return Endpoint(operation) if operation in set(Endpoint) else Endpoint.ALL


@dataclass(frozen=True, slots=True)
class Breaker:
    """Cooldown of an open circuit: base seconds, doubled after each failed probe, at most cap."""

    base: float = 5.0
    cap: float = 60.0

    def cooldown(self, failures: int) -> timedelta:
        """Return the cooldown after so many failures in a row."""
        exponent = min(max(failures - BREAK_AFTER, 0), _MAX_EXPONENT)
        return timedelta(seconds=min(self.cap, self.base * 2.0**exponent))


@dataclass(frozen=True, slots=True)
class Lane:
    """The state of a lane, which all pollers share."""

    store_id: int
    endpoint: Endpoint
    paused_until: datetime | None = None
    reason: str = ""
    """Why the lane is paused or its circuit open; empty means neither."""
    since: datetime | None = None
    """Since when `reason` holds."""
    tokens: int | None = None
    """Calls left in Walmart's bucket. None means that Walmart does not say."""
    replenish_at: datetime | None = None
    """When the bucket gets its next token."""
    seen_at: datetime | None = None
    """When the answer arrived that `tokens` is from."""
    answered: bool = False
    """Walmart has answered at least once."""
    failures: int = 0
    """Calls in a row without a valid answer."""
    own_tokens: float | None = None
    """Calls left of the operator's own cap at own_at. None means no call under a cap yet."""
    own_at: datetime | None = None

    @property
    def circuit_open(self) -> bool:
        """Whether the circuit is open or half-open: at most one call at a time goes."""
        return self.failures >= BREAK_AFTER

    def paused(self, at: datetime) -> bool:
        """Whether no call may go."""
        return self.paused_until is not None and self.paused_until > at


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many calls may go now."""

    calls: int
    retry_at: datetime | None = None
    """When a lane without capacity has some again. None means after the next answer."""


@dataclass(frozen=True, slots=True)
class CallReport:
    """What one call says about its lane."""

    store_id: int
    endpoint: Endpoint
    began_at: datetime
    ended_at: datetime
    answered: bool = True
    """An HTTP answer arrived."""
    failed: bool = False
    """No valid answer: none at all, a 5xx, or one that cannot be read."""
    served: bool = False
    """Walmart did what the call asked for."""
    tokens: int | None = None
    """Calls left, from Walmart's headers. None means that they do not say."""
    replenish_at: datetime | None = None
    pause: Pause | None = None
    """Walmart asks for a pause, or rejects the store."""


def capacity(lane: Lane, in_flight: int, now: datetime) -> Capacity:
    """Return how many more calls may go while in_flight calls are under way.

    A header's count may or may not include the calls in flight. Subtracting them is the safe
    choice; the next header corrects it.
    """
    if lane.paused_until is not None and lane.paused_until > now:
        return Capacity(0, lane.paused_until)
    if lane.circuit_open or not lane.answered:
        # mutation: open-circuit-single-trial
        return Capacity(max((1 if lane.circuit_open else FIRST_CALLS) - in_flight, 0))
    if lane.tokens is None:
        commerce = lane.endpoint is Endpoint.COMMERCE
        return Capacity(max(COMMERCE_CALLS - in_flight, 0) if commerce else UNLIMITED)
    # mutation: rate-limit-headers
    if lane.tokens > in_flight:
        return Capacity(lane.tokens - in_flight)
    if lane.replenish_at is not None and lane.replenish_at > now:
        return Capacity(0, lane.replenish_at)
    # The bucket has refilled by an unknown number; the answer to one call says by how much.
    return Capacity(0 if in_flight else 1)


def own_cap_tokens(lane: Lane, per_minute: float, now: datetime) -> float:
    """Return the tokens in the operator's own bucket, which holds OWN_BURST seconds of its rate."""
    size = max(per_minute * OWN_BURST / 60, 1.0)
    if lane.own_tokens is None or lane.own_at is None:
        return size
    passed = max((now - lane.own_at).total_seconds(), 0.0)
    return min(lane.own_tokens + passed * per_minute / 60, size)


def with_own_cap(lane: Lane, left: Capacity, per_minute: float | None, now: datetime) -> Capacity:
    """Limit a capacity by the operator's own cap. per_minute None means that there is no cap."""
    if per_minute is None:
        return left
    own = own_cap_tokens(lane, per_minute, now)
    if own >= 1:
        return Capacity(min(left.calls, int(own)), left.retry_at)
    retry_at = now + timedelta(seconds=(1 - own) * 60 / per_minute)
    return Capacity(0, max(retry_at, left.retry_at) if left.retry_at is not None else retry_at)


def is_plain(report: CallReport) -> bool:
    """Whether a report says nothing but that Walmart served a call."""
    return report.served and not report.failed and report.tokens is None and report.pause is None


def apply_reports(lane: Lane, reports: Iterable[CallReport], breaker: Breaker) -> Lane:
    """Return the lane after calls ended."""
    for each in sorted(reports, key=lambda report: report.ended_at):
        lane = _apply_pause(_apply_failure(_apply_tokens(lane, each), each, breaker), each)
    return lane


def _apply_tokens(lane: Lane, report: CallReport) -> Lane:
    """Update the count of Walmart's bucket."""
    one_less = None if lane.tokens is None else max(lane.tokens - 1, 0)
    if not report.answered:
        # The call may have cost a token nevertheless.
        return replace(lane, tokens=one_less)
    lane = replace(lane, answered=True)
    if report.tokens is None:
        # Walmart no longer names a count, or a gateway in front of it answered.
        return replace(lane, tokens=None if report.served else one_less)
    # Answers to concurrent calls may arrive in any order: the lower count is the newer one.
    concurrent = lane.seen_at is not None and report.began_at < lane.seen_at
    tokens = (
        report.tokens if lane.tokens is None or not concurrent else min(lane.tokens, report.tokens)
    )
    seen_at = max(lane.seen_at, report.ended_at) if lane.seen_at else report.ended_at
    return replace(lane, tokens=tokens, replenish_at=report.replenish_at, seen_at=seen_at)


def _apply_failure(lane: Lane, report: CallReport, breaker: Breaker) -> Lane:
    """Open the circuit, keep it open, or close it."""
    if not report.failed:
        # A call that began before the circuit opened says nothing about it.
        before = lane.circuit_open and lane.since is not None and report.began_at < lane.since
        if before or not report.answered or report.pause is not None or not lane.failures:
            return lane
        closed = replace(lane, failures=0)
        return replace(closed, reason="", paused_until=None) if lane.circuit_open else closed
    if lane.circuit_open and lane.paused_until is not None and report.began_at < lane.paused_until:
        # The call began before the cooldown was over; only a probe counts.
        return lane
    failures = lane.failures + 1
    lane = replace(lane, failures=failures)
    if failures < BREAK_AFTER:
        return lane
    broken = COMMERCE_BROKEN if lane.endpoint is Endpoint.COMMERCE else BROKEN
    reason = lane.reason if lane.reason in BLOCKED else broken
    return _pause(lane, reason, report.ended_at + breaker.cooldown(failures), report.ended_at)


def _apply_pause(lane: Lane, report: CallReport) -> Lane:
    """Pause the lane because Walmart asks for it, or rejects the store."""
    if report.pause is None:
        return lane
    until = report.ended_at + report.pause.wait
    if report.pause.reason in BLOCKED:
        # After the pause one call probes, instead of one for each waiting update.
        lane = replace(lane, failures=max(lane.failures, BREAK_AFTER))
    else:
        lane = replace(lane, tokens=0, replenish_at=until)
    return _pause(lane, report.pause.reason, until, report.ended_at)


def _pause(lane: Lane, reason: str, until: datetime, now: datetime) -> Lane:
    longest = max(until, lane.paused_until) if lane.paused_until is not None else until
    since = lane.since if lane.reason == reason and lane.since is not None else now
    return replace(lane, paused_until=longest, reason=reason, since=since)


def newly_blocked(before: Lane, now: Lane) -> bool:
    """Whether the circuit opened just now, or for another reason, so that a person is notified."""
    return now.circuit_open and (not before.circuit_open or before.reason != now.reason)
