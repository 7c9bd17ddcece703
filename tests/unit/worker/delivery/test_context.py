"""What an errand thinks is left of its lease, by a clock that the test turns."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app.worker.delivery.context import WRITE_MARGIN, DeliveryContext

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


def delivery_context(clock: Clock, *, claimed: float) -> DeliveryContext:
    """Of a claim that was asked for at 0 and answered then."""
    unused: Any = None
    update: Any = SimpleNamespace(claimed_at=NOON)
    return DeliveryContext(
        update=update,
        of_order=None,
        account=unused,
        client=unused,
        commerce=unused,
        policy=unused,
        lease=LEASE,
        timeout=TIMEOUT,
        monotonic=lambda: clock.now,
        claimed_monotonic=claimed,
        leased_monotonic=0.0,
        renew=clock.renew,
        stopping=lambda: False,
    )


@pytest.mark.parametrize(("now", "renewed"), [(LAST, False), (LAST + 1, True)])
async def test_a_lease_counts_from_before_the_statement_that_claimed(
    now: float, renewed: bool
) -> None:
    clock = Clock(now)
    assert await delivery_context(clock, claimed=50.0).may_write()
    assert bool(clock.renewals) is renewed


async def test_a_renewed_lease_counts_from_before_the_statement_that_renewed_it() -> None:
    clock = Clock(LAST + 1, renewing=50.0)
    under_way = delivery_context(clock, claimed=0.0)
    assert await under_way.may_write()
    clock.now = LAST + 1 + LAST
    assert await under_way.may_write()
    assert clock.renewals == [LAST + 1]
    clock.now += 1
    assert await under_way.may_write()
    assert clock.renewals == [LAST + 1, LAST + 1 + LAST + 1]


def test_the_databases_time_counts_from_after_the_claim_so_that_it_is_never_ahead() -> None:
    clock = Clock(50.0)
    under_way = delivery_context(clock, claimed=50.0)
    assert under_way.now() == NOON
    clock.now += 7
    assert under_way.now() == NOON + timedelta(seconds=7)
