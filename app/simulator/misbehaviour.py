"""Apply a fault to a call: before the request takes effect, or after."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.simulator import shop
from app.simulator.buckets import threshold_violated
from app.simulator.errors import CONTENT, ORDERS, BadInput, Refusal, gateway_error, order_error
from app.simulator.faults import InjectedFault
from app.simulator.ledger import ReceivedCall

# The longest time in seconds without an answer.
LONGEST_SILENCE = 120.0
# Bounded memory: beyond this, the oldest held effects are never applied.
MOST_HELD = 10_000
_PAGE = "<html><body><h1>We'll be right back</h1></body></html>"


@dataclass(frozen=True, slots=True)
class CallWork:
    """The work of a call."""

    do: Callable[[], Any]
    """Applies the call and returns the JSON of the answer. May raise Refusal."""
    unchanged: Callable[[], Any]
    """Returns the JSON without applying the call; the same as `do` for a read."""
    lagging: Callable[[InjectedFault], Any] | None = None
    """Returns the JSON of a read that lags. None means that the call cannot lag."""

    def lands(self) -> bool:
        """Apply the call without an answer. False means that it is refused."""
        try:
            self.do()
        except (Refusal, BadInput):
            return False
        return True


class CutConnection(Response):
    """An answer that is cut before its body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the start of an answer without its body.

        The server closes the connection if an answer ends before its length; ASGI has no other way
        that all servers support.
        """
        del scope, receive
        headers = [(b"content-length", b"4096"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


@dataclass(slots=True)
class Misbehaviour:
    """Answers calls with a fault. now returns milliseconds since 1970."""

    now: Callable[[], int]
    sleep: Callable[[float], Awaitable[object]]
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends all calls without an answer, so that a server can stop at once."""
    # Calls and their work that take effect on request, oldest first.
    held: deque[tuple[ReceivedCall, CallWork]] = field(
        default_factory=lambda: deque(maxlen=MOST_HELD)
    )
    # The event loop itself holds only weak references to tasks.
    _late: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(
        self, fault: InjectedFault, request: Request, call: ReceivedCall, work: CallWork
    ) -> Response:
        """Answer a call with a fault. Raises Refusal."""
        refusal = self._refusal(fault)
        if refusal is not None:
            raise refusal
        match fault.kind:
            case "html":
                return HTMLResponse(_PAGE)
            case "drop":
                return CutConnection()
            case "timeout":
                return await self._silence(request)
            case "late":
                self._do_later(fault.delay, work)
                return await self._silence(request)
            case "held":
                if work.do is not work.unchanged:
                    self.held.append((call, work))
                raise _broken(fault)
            case "lag" if work.lagging is not None:
                return JSONResponse(work.lagging(fault))
            case "slow":
                await self.sleep(fault.delay)
        return await self._applied(fault, request, work)

    async def _applied(self, fault: InjectedFault, request: Request, work: CallWork) -> Response:
        before = work.unchanged() if fault.kind == "unshown" else {}
        shown = work.do()
        match fault.kind:
            case "error_after":
                raise _broken(fault)
            case "html_after":
                return HTMLResponse(_PAGE)
            case "drop_after":
                return CutConnection()
            case "timeout_after":
                return await self._silence(request)
            case "unshown":
                return JSONResponse(before)
            case "cut":
                text = json.dumps(shown)
                return Response(text[: len(text) // 2], media_type="application/json")
            case _:
                return JSONResponse(shown)

    def let_land(self) -> tuple[int, int]:
        """Apply all held work; return how much was applied and how much was refused."""
        landed = [work.lands() for _, work in self.held]
        self.held.clear()
        return sum(landed), len(landed) - sum(landed)

    def forget(self) -> None:
        """Drop all work that has not taken effect yet."""
        self.held.clear()
        for task in self._late:
            task.cancel()

    def _refusal(self, fault: InjectedFault) -> Refusal | None:
        if fault.kind == "throttle":
            return self._throttled(fault)
        refuse = _REFUSALS.get(fault.kind)
        return refuse(fault) if refuse else None

    def _throttled(self, fault: InjectedFault) -> Refusal:
        again_at = self.now() + int(fault.delay * 1000)
        return threshold_violated(
            {"x-current-token-count": "0", "x-next-replenish-time": str(again_at)}
        )

    async def _silence(self, request: Request) -> Response:
        """Wait until the client disconnects, the server stops, or LONGEST_SILENCE is over."""
        waits = {
            asyncio.ensure_future(_gone(request)),
            asyncio.ensure_future(self.closing.wait()),
        }
        try:
            await asyncio.wait(waits, timeout=LONGEST_SILENCE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return CutConnection()

    def _do_later(self, delay: float, work: CallWork) -> None:
        async def later() -> None:
            await self.sleep(delay)
            # The order may have changed by then, and the refusal has no receiver.
            work.lands()

        task = asyncio.ensure_future(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(fault: InjectedFault) -> Refusal:
    text = fault.description or "Request content is invalid."
    status = fault.status or 400
    if fault.operation == "token" and fault.code is None:
        # Walmart has answered wrong keys like this.
        return Refusal(status, None)
    if fault.operation.startswith("commerce_"):
        return shop.refused(status, text)
    return order_error(status, fault.code or CONTENT, text, fault.field or "data")


def _expired(fault: InjectedFault) -> Refusal:
    if fault.status in {None, 401}:
        return gateway_error(401, "UNAUTHORIZED", "Unauthorized token or incorrect header")
    return gateway_error(fault.status or 400, "INVALID_TOKEN", "Invalid access token")


def _broken(fault: InjectedFault) -> Refusal:
    code = fault.code or f"SYSTEM_ERROR.{ORDERS}"
    return order_error(fault.status or 500, code, fault.description or "System error")


def _locked(_: InjectedFault) -> Refusal:
    return order_error(423, "RESOURCE_IS_LOCKED.GMP_RECEIVER_API", "Resource is locked")


def _outage(_: InjectedFault) -> Refusal:
    # Only this exact shape distinguishes an outage from an error of the request.
    return order_error(400, f"INVALID_REQUEST.{ORDERS}", "Invalid Request")


_REFUSALS: dict[str, Callable[[InjectedFault], Refusal]] = {
    "refuse": _refused,
    "error": _broken,
    "expired_token": _expired,
    "locked": _locked,
    "outage": _outage,
}
