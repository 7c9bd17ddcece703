"""How much of a lease a delivery has left, by a clock that the test sets."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from app.worker.delivery.lease import WRITE_MARGIN, Lease

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
LEASE, TIMEOUT = 100.0, 30.0
# The part of a lease after which no write may begin.
LAST = LEASE - TIMEOUT - WRITE_MARGIN


@dataclass
class Clock:
    """A settable clock. renewing: seconds until the answer to a renewal is read."""

    now: float = 0.0
    renewing: float = 0.0
    renewals: list[float] = field(default_factory=list)

    async def renew(self) -> bool:
        self.renewals.append(self.now)
        self.now += self.renewing
        return True


def a_lease(clock: Clock, *, claimed: float) -> Lease:
    """The lease of a claim that was requested at 0 and answered at `claimed`."""
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
async def test_a_lease_counts_from_before_the_claiming_statement(now: float, renewed: bool) -> None:
    clock = Clock(now)
    assert await a_lease(clock, claimed=50.0).may_write()
    assert bool(clock.renewals) is renewed


async def test_a_renewed_lease_counts_from_before_the_renewing_statement() -> None:
    clock = Clock(LAST + 1, renewing=50.0)
    lease = a_lease(clock, claimed=0.0)
    assert await lease.may_write()
    clock.now = LAST + 1 + LAST
    assert await lease.may_write()
    assert clock.renewals == [LAST + 1]
    clock.now += 1
    assert await lease.may_write()
    assert clock.renewals == [LAST + 1, LAST + 1 + LAST + 1]


def test_the_databases_time_counts_from_after_the_claim_so_it_is_never_ahead() -> None:
    clock = Clock(50.0)
    lease = a_lease(clock, claimed=50.0)
    assert lease.now() == NOON
    clock.now += 7
    assert lease.now() == NOON + timedelta(seconds=7)
