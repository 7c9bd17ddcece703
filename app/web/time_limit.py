"""Time limit of a request, until its answer begins: a stream or an export may go on for long.

The work is canceled, and its transaction is rolled back. What was committed already, such as the
rows of a file before the present one, stays done.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web import problems
from app.web.path_rules import route_of
from app.web.problem_codes import CODES

_CODE = "request_timeout"
_RETRY_AFTER = "5"
_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Running:
    task: asyncio.Task[Any]
    until: float
    expired: bool = False


class TimeLimit:
    """ASGI middleware that breaks off a request of which the answer does not begin in time.

    One timer serves all requests: `asyncio.timeout` for each took a twentieth of the processor time
    of an accepted shipment.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        # Requests without an answer, the oldest first.
        self._running: dict[_Running, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        running = self._begin()

        async def begun(message: Message) -> None:
            # mutation: no-limit-of-a-stream
            self._running.pop(running, None)
            await send(message)

        try:
            await self._app(scope, receive, begun)
        except asyncio.CancelledError:
            # Another cancellation is not ours to end.
            if not running.expired or running.task.uncancel():
                raise
            await self._refuse(scope, receive, send)
        finally:
            self._running.pop(running, None)

    def _begin(self) -> _Running:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        running = _Running(task, loop.time() + self._seconds)
        self._running[running] = None
        if self._timer is None:
            self._timer = loop.call_at(running.until, self._expire)
        return running

    def _expire(self) -> None:
        """Break off what is over, and wait for the next."""
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._running:
            first = next(iter(self._running))
            if first.until > loop.time():
                self._timer = loop.call_at(first.until, self._expire)
                return
            del self._running[first]
            first.expired = True
            # mutation: request-time-limit
            first.task.cancel()

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Not the path: that of a sign-in link is a secret.
        _log.warning(_CODE, route=route_of(scope), limit=self._seconds)
        status, detail = CODES[_CODE]
        headers = {"Retry-After": _RETRY_AFTER}
        answer = problems.problem(Request(scope), status, _CODE, detail, headers=headers)
        await answer(scope, receive, send)
