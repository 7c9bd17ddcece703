"""What a delivery thinks is left of its lease, by a clock that the test turns."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from app.worker.delivery.lease import WRITE_MARGIN, Lease

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
LEASE, TIMEOUT = 100.0, 30.0
# Of a lease, what has passed when no write may begin any more.
LAST = LEASE - TIMEOUT - WRITE_MARGIN


@dataclass
class Clock:
    """renewing: seconds that a renewal takes until its answer is read."""

    now: float = 0.0
    renewing: float = 0.0
    renewals: list[float] = field(default_factory=list)

    async def renew(self) -> bool:
        self.renewals.append(self.now)
        self.now += self.renewing
        return True


def a_lease(clock: Clock, *, claimed: float) -> Lease:
    """Of a claim that was asked for at 0 and answered then."""
    return Lease(
        claimed_at=NOON,
        seconds=LEASE,
        timeout=TIMEOUT,
        monotonic=lambda: clock.now,
        leased_monotonic=0.0,
        claimed_monotonic=claimed,
        renew=clock.renew,
        stopping=lambda: False,
    )


@pytest.mark.parametrize(("now", "renewed"), [(LAST, False), (LAST + 1, True)])
async def test_a_lease_counts_from_before_the_statement_that_claimed(
    now: float, renewed: bool
) -> None:
    clock = Clock(now)
    assert await a_lease(clock, claimed=50.0).may_write()
    assert bool(clock.renewals) is renewed


async def test_a_renewed_lease_counts_from_before_the_statement_that_renewed_it() -> None:
    clock = Clock(LAST + 1, renewing=50.0)
    lease = a_lease(clock, claimed=0.0)
    assert await lease.may_write()
    clock.now = LAST + 1 + LAST
    assert await lease.may_write()
    assert clock.renewals == [LAST + 1]
    clock.now += 1
    assert await lease.may_write()
    assert clock.renewals == [LAST + 1, LAST + 1 + LAST + 1]


def test_the_databases_time_counts_from_after_the_claim_so_that_it_is_never_ahead() -> None:
    clock = Clock(50.0)
    lease = a_lease(clock, claimed=50.0)
    assert lease.now() == NOON
    clock.now += 7
    assert lease.now() == NOON + timedelta(seconds=7)
