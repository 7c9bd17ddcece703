"""Time limit of a request, until its answer begins: a stream or an export may go on for long.

The work is canceled, and its transaction is rolled back. What was committed already, such as the
rows of a file before the present one, stays done.
"""

import asyncio

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web import problems
from app.web.problem_codes import CODES

_CODE = "request_timeout"
_RETRY_AFTER = "5"
_log = structlog.get_logger(__name__)


class TimeLimit:
    """ASGI middleware that breaks off a request of which the answer does not begin in time."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # mutation: request-time-limit
        timer = asyncio.timeout(self._seconds)

        async def begun(message: Message) -> None:
            # mutation: no-limit-of-a-stream
            timer.reschedule(None)
            await send(message)

        try:
            async with timer:
                await self._app(scope, receive, begun)
        except TimeoutError:
            if not timer.expired():
                raise
            _log.warning(_CODE, path=scope["path"], limit=self._seconds)
            status, detail = CODES[_CODE]
            headers = {"Retry-After": _RETRY_AFTER}
            answer = problems.problem(Request(scope), status, _CODE, detail, headers=headers)
            await answer(scope, receive, send)
