from collections.abc import AsyncIterator

import pytest

from app.simulator.app import create_app
from tests.unit.simulator.seller import Clock, Seller, in_memory


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def seller(clock: Clock) -> AsyncIterator[Seller]:
    """A seller with a token, at a Walmart of its own without orders."""
    app = create_app(now=clock, monotonic=clock, sleep=clock.sleep, seed=7)
    async with in_memory(app) as http:
        someone = Seller(http, clock.ms)
        await someone.sign_in()
        yield someone
