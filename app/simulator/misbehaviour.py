"""How a fault shows: before a request takes effect, or after it has."""

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

# No client is left without an answer for longer than this, in seconds.
LONGEST_SILENCE = 120.0
# Bounded memory: of more effects that are held back the oldest never land.
MOST_HELD = 10_000
_PAGE = "<html><body><h1>We'll be right back</h1></body></html>"


@dataclass(frozen=True, slots=True)
class CallWork:
    """What a call asks for. do applies it and answers the JSON; it may raise a refusal.

    unchanged answers the same JSON without applying anything; it is do itself where nothing is to
    be applied. lagging answers a read as that fault has it; None where nothing lags.
    """

    do: Callable[[], Any]
    unchanged: Callable[[], Any]
    lagging: Callable[[InjectedFault], Any] | None = None

    def lands(self) -> bool:
        """Apply it without an answer; False where it is refused by now."""
        try:
            self.do()
        except (Refusal, BadInput):
            return False
        return True


class CutConnection(Response):
    """Begins an answer and has the connection cut before its body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the start of an answer whose body never comes.

        The server closes the connection when an answer ends before its length; ASGI knows no
        other way that all servers share.
        """
        del scope, receive
        headers = [(b"content-length", b"4096"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


@dataclass(slots=True)
class Misbehaviour:
    """Answers calls that meet a fault. now gives milliseconds since 1970.

    closing ends every silence, so that a server can stop at once.
    """

    now: Callable[[], int]
    sleep: Callable[[float], Awaitable[object]]
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    # What takes effect once somebody lets it, with the call that asked for it, oldest first.
    held: deque[tuple[ReceivedCall, CallWork]] = field(
        default_factory=lambda: deque(maxlen=MOST_HELD)
    )
    # The loop itself holds tasks weakly only.
    _late: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(
        self, fault: InjectedFault, request: Request, call: ReceivedCall, work: CallWork
    ) -> Response:
        """The answer to a call that meets a fault. Raises Refusal."""
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
        """Let all take effect that is held back; answers how many did, how many were refused."""
        landed = [work.lands() for _, work in self.held]
        self.held.clear()
        return sum(landed), len(landed) - sum(landed)

    def forget(self) -> None:
        """Let nothing take effect late that has not yet."""
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
        """Say nothing until the client has gone, the server stops, or for LONGEST_SILENCE."""
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
            # By then the order may have moved on, and Walmart refuses; nobody hears it.
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
        # Wrong keys have been seen to be answered so.
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
    # Nothing but this exact shape tells an outage from a mistake in the request.
    return order_error(400, f"INVALID_REQUEST.{ORDERS}", "Invalid Request")


_REFUSALS: dict[str, Callable[[InjectedFault], Refusal]] = {
    "refuse": _refused,
    "error": _broken,
    "expired_token": _expired,
    "locked": _locked,
    "outage": _outage,
}
