"""Retry of use cases after a lock time-out or a stale session.

A request waits for a locked row outside the pool: its transaction gives up after a moment, its
connection serves other requests, and the request runs again after a pause.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

from app.domain.errors import Busy, Stale

Result = TypeVar("Result")
# Seconds for all runs.
PATIENCE = 5.0
# Seconds between two runs: at first, and at most.
_FIRST, _LONGEST = 0.05, 0.8
_repeated: ContextVar[bool] = ContextVar("repeated", default=False)


def repeated() -> bool:
    """Whether the current work is repeated after a lock time-out, so that it need not wait long."""
    return _repeated.get()


async def again(work: Callable[[], Awaitable[Result]]) -> Result:
    """Run work; again while a row that it needs is locked, and once if its session was stale.

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
                # mutation: stale-session-repeats-once
                if renewed:
                    raise
                renewed = True
                continue
            except Busy:
                # mutation: repeat-after-lock
                if loop.time() + pause >= until:
                    raise
            # Jitter spreads requests that wait for the same row. It is not a secret.
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311
            pause = min(2 * pause, _LONGEST)
    finally:
        _repeated.reset(token)
