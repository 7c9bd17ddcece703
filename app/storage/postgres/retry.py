"""Running a use case again whose transaction came to nothing, where that may help.

A request waits for a held row outside the pool: its transaction gives up after a moment, its
connection serves others, and the request is run again after a pause.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

from app.domain.errors import Busy, Stale

Result = TypeVar("Result")
# Seconds for all runs together.
PATIENCE = 5.0
# Seconds between two runs: at first, and at most.
_FIRST, _LONGEST = 0.05, 0.8
_repeated: ContextVar[bool] = ContextVar("repeated", default=False)


def repeated() -> bool:
    """Whether what runs now is run again where a row is held, so that it need not wait long."""
    return _repeated.get()


async def again(work: Callable[[], Awaitable[Result]]) -> Result:
    """Run work; again while a row that it needs is held, and once where its session was stale.

    work must be safe to repeat from its beginning. Raises what the last run raised.
    """
    loop = asyncio.get_running_loop()
    until, pause, renewed = loop.time() + PATIENCE, _FIRST, False
    token = _repeated.set(True)
    try:
        while True:
            try:
                return await work()
            except Stale:
                if renewed:
                    raise
                renewed = True
                continue
            except Busy:
                if loop.time() + pause >= until:
                    raise
            # Jitter parts those who wait for the same row; nothing secret comes of it.
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311
            pause = min(2 * pause, _LONGEST)
    finally:
        _repeated.reset(token)
