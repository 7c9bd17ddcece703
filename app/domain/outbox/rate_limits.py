"""What may go out now: a store's lane to one of Walmart's endpoints, or to its Commerce.

Walmart counts calls for each seller and endpoint and says in headers how many are left. A
lane keeps what it said last, pauses when it refuses, breaks when it does not answer, and is
then tried with a single call at a time until that one works. Times are the database's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.outbox.outcome import Pause
from app.domain.update import Kind

# Until Walmart has answered once, nobody knows what it bears.
FIRST_CALLS = 4
# A shop's Commerce also serves its buyers, and says nothing of how much it bears.
COMMERCE_CALLS = 4
# Calls in a row without a proper answer, after which a lane is broken.
BREAK_AFTER = 5
BROKEN = "walmart_unavailable"
COMMERCE_BROKEN = "commerce_unavailable"
# Reasons that a person has to do something about; the lane is tried again all the same.
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
# Seconds' worth of an own cap that may go at once.
OWN_BURST = 10
_MAX_EXPONENT = 20


class Endpoint(StrEnum):
    """Walmart's endpoints, each with a bucket of its own; ALL is all of Walmart for the store.

    COMMERCE is the store's Commerce, which has nothing to do with them.
    """

    ALL = "*"
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


# Where an update of a kind is written to.
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
# These look at Walmart before every send, the first too (contract, promise 3).
READ_FIRST = frozenset({Kind.CANCELLATION, Kind.REFUND, Kind.TRACKING})


def lanes_for(kind: Kind, *, reads: bool) -> list[Endpoint]:
    """Every lane that an update of a kind takes; reads: it looks at Walmart before it writes."""
    writing = WRITTEN_TO[kind]
    if kind is Kind.COMMERCE_NOTE:
        return [writing]
    # For an order that Commerce gets the buyer is read from Walmart.
    reads = reads or kind is Kind.COMMERCE_ORDER
    return [Endpoint.ALL, *([Endpoint.READ] if reads else []), writing]


def endpoint_of(operation: str) -> Endpoint:
    """The lane that a call of the client belongs to; the token is everybody's."""
    if operation.startswith(Endpoint.COMMERCE):
        return Endpoint.COMMERCE
    return Endpoint(operation) if operation in set(Endpoint) else Endpoint.ALL


@dataclass(frozen=True, slots=True)
class Breaker:
    """Seconds that a broken lane rests: base, doubled after each probe that fails, at most cap."""

    base: float = 5.0
    cap: float = 60.0

    def rest(self, failures: int) -> timedelta:
        """How long to rest after that many failures in a row."""
        exponent = min(max(failures - BREAK_AFTER, 0), _MAX_EXPONENT)
        return timedelta(seconds=min(self.cap, self.base * 2.0**exponent))


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane as everybody knows it.

    tokens: calls left by the answer that came at seen_at, None where Walmart does not say;
    replenish_at: when one more comes. failures: calls in a row without a proper answer.
    """

    store_id: int
    endpoint: Endpoint
    paused_until: datetime | None = None
    reason: str = ""
    since: datetime | None = None
    tokens: int | None = None
    replenish_at: datetime | None = None
    seen_at: datetime | None = None
    answered: bool = False
    failures: int = 0
    # What was left of the operator's own cap, and when; None before the first call under it.
    own_tokens: float | None = None
    own_at: datetime | None = None

    @property
    def circuit_open(self) -> bool:
        """Whether only a single call at a time tries if it works again."""
        return self.failures >= BREAK_AFTER

    def paused(self, at: datetime) -> bool:
        """Whether nothing may go."""
        return self.paused_until is not None and self.paused_until > at


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many calls may go now; where none, the moment to look again (None: after an answer)."""

    calls: int
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallReport:
    """What one call told about its lane. tokens and replenish_at as Walmart's headers said.

    failed: no proper answer (none at all, 5xx, one that cannot be read). served: Walmart did
    what it was asked. pause: nothing more until it is over.
    """

    store_id: int
    endpoint: Endpoint
    began_at: datetime
    ended_at: datetime
    answered: bool = True
    failed: bool = False
    served: bool = False
    tokens: int | None = None
    replenish_at: datetime | None = None
    pause: Pause | None = None


def capacity(lane: Lane, in_flight: int, now: datetime) -> Capacity:
    """How many more calls a lane bears while in_flight are under way.

    A count in a header is from before the calls under way, or they are in it already: taking
    them off can only be too careful, and the next header mends that.
    """
    if lane.paused_until is not None and lane.paused_until > now:
        return Capacity(0, lane.paused_until)
    if lane.circuit_open or not lane.answered:
        return Capacity(max((1 if lane.circuit_open else FIRST_CALLS) - in_flight, 0))
    if lane.tokens is None:
        commerce = lane.endpoint is Endpoint.COMMERCE
        return Capacity(max(COMMERCE_CALLS - in_flight, 0) if commerce else UNLIMITED)
    if lane.tokens > in_flight:
        return Capacity(lane.tokens - in_flight)
    if lane.replenish_at is not None and lane.replenish_at > now:
        return Capacity(0, lane.replenish_at)
    # The bucket has filled up by an unknown number; one call asks by how much.
    return Capacity(0 if in_flight else 1)


def allowance(lane: Lane, per_minute: float, now: datetime) -> float:
    """Calls that the operator's own cap leaves: a bucket of OWN_BURST seconds, filled evenly."""
    most = max(per_minute * OWN_BURST / 60, 1.0)
    if lane.own_tokens is None or lane.own_at is None:
        return most
    passed = max((now - lane.own_at).total_seconds(), 0.0)
    return min(lane.own_tokens + passed * per_minute / 60, most)


def with_own_cap(lane: Lane, left: Capacity, per_minute: float | None, now: datetime) -> Capacity:
    """A lane's room under the operator's own cap, None where there is none."""
    if per_minute is None:
        return left
    own = allowance(lane, per_minute, now)
    if own >= 1:
        return Capacity(min(left.calls, int(own)), left.again_at)
    again_at = now + timedelta(seconds=(1 - own) * 60 / per_minute)
    return Capacity(0, max(again_at, left.again_at) if left.again_at is not None else again_at)


def apply_reports(lane: Lane, reports: Iterable[CallReport], breaker: Breaker) -> Lane:
    """The lane after some calls ended."""
    for each in sorted(reports, key=lambda one: one.ended_at):
        lane = _stopped(_tried(_counted(lane, each), each, breaker), each)
    return lane


def _counted(lane: Lane, reports: CallReport) -> Lane:
    """What is left in Walmart's bucket now."""
    if not reports.answered:
        # It may have cost a call all the same.
        return replace(lane, tokens=_less(lane.tokens))
    lane = replace(lane, answered=True)
    if reports.tokens is None:
        # Walmart says nothing any more, or a machine in front of it spoke.
        return replace(lane, tokens=None if reports.served else _less(lane.tokens))
    # Of calls that were under way together the last answer may tell the older count.
    together = lane.seen_at is not None and reports.began_at < lane.seen_at
    tokens = (
        reports.tokens if lane.tokens is None or not together else min(lane.tokens, reports.tokens)
    )
    seen_at = max(lane.seen_at, reports.ended_at) if lane.seen_at else reports.ended_at
    return replace(lane, tokens=tokens, replenish_at=reports.replenish_at, seen_at=seen_at)


def _less(tokens: int | None) -> int | None:
    return None if tokens is None else max(tokens - 1, 0)


def _tried(lane: Lane, reports: CallReport, breaker: Breaker) -> Lane:
    """Whether the lane breaks, stays broken, or works again."""
    if not reports.failed:
        before = lane.circuit_open and lane.since is not None and reports.began_at < lane.since
        # What was sent before the lane broke says nothing about it.
        if before or not reports.answered or reports.pause is not None or not lane.failures:
            return lane
        open_again = replace(lane, failures=0)
        return (
            replace(open_again, reason="", paused_until=None) if lane.circuit_open else open_again
        )
    if lane.circuit_open and lane.paused_until is not None and reports.began_at < lane.paused_until:
        # Sent before it was known; only the call that tried again counts.
        return lane
    failures = lane.failures + 1
    lane = replace(lane, failures=failures)
    if failures < BREAK_AFTER:
        return lane
    circuit_open = COMMERCE_BROKEN if lane.endpoint is Endpoint.COMMERCE else BROKEN
    reason = lane.reason if lane.reason in BLOCKED else circuit_open
    return _pause(lane, reason, reports.ended_at + breaker.rest(failures), reports.ended_at)


def _stopped(lane: Lane, reports: CallReport) -> Lane:
    """Walmart asked for a pause, or does not let the store in."""
    if reports.pause is None:
        return lane
    until = reports.ended_at + reports.pause.wait
    if reports.pause.reason in BLOCKED:
        # After it a single call tries, instead of each waiting update one.
        lane = replace(lane, failures=max(lane.failures, BREAK_AFTER))
    else:
        lane = replace(lane, tokens=0, replenish_at=until)
    return _pause(lane, reports.pause.reason, until, reports.ended_at)


def _pause(lane: Lane, reason: str, until: datetime, now: datetime) -> Lane:
    longest = max(until, lane.paused_until) if lane.paused_until is not None else until
    since = lane.since if lane.reason == reason and lane.since is not None else now
    return replace(lane, paused_until=longest, reason=reason, since=since)


def newly_blocked(before: Lane, now: Lane) -> bool:
    """Whether a person should be told: it broke or was blocked, and was not before."""
    return now.circuit_open and (not before.circuit_open or before.reason != now.reason)
