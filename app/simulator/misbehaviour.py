"""How a fault shows: before the request takes effect, or after it has."""

import asyncio
import base64
import binascii
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.simulator.errors import CONTENT, ORDERS, Refusal, bad_content, gateway_error, order_error
from app.simulator.faults import Fault
from app.simulator.orders import Order

Deed = Callable[[], Order | None]
# No answer is ever waited for longer than this.
LONGEST_SILENCE = 120.0
_PAGE = "<html><body><h1>We'll be right back</h1></body></html>"
_late: set[asyncio.Task[None]] = set()


class CutConnection(Response):
    """Begins an answer and cuts the connection before its body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the start of an answer whose body never comes."""
        del scope, receive
        headers = [(b"content-length", b"4096"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # The server closes the connection when an answer ends before its length.


async def before(fault: Fault, request: Request, deed: Callable[[], Any]) -> Response | None:
    """What a fault does before the request takes effect; None lets it go on."""
    refusal = _refusal(fault)
    if refusal is not None:
        raise refusal
    match fault.kind:
        case "html":
            return HTMLResponse(_PAGE)
        case "drop":
            return CutConnection()
        case "timeout":
            return await _silence(request)
        case "late":
            _do_later(fault.delay, deed)
            return await _silence(request)
        case "slow":
            await asyncio.sleep(fault.delay)
    return None


def _refusal(fault: Fault) -> Refusal | None:
    text = fault.description or "Request content is invalid."
    make = {
        "refuse": lambda: order_error(400, fault.code or CONTENT, text, fault.field or "data"),
        "throttle": lambda: _throttled(fault),
        "error": lambda: _broken(fault),
        "expired_token": lambda: gateway_error(401, "UNAUTHORIZED", "Unauthorized token"),
        "locked": lambda: order_error(423, "RESOURCE_IS_LOCKED.GMP_RECEIVER_API", "Locked"),
        "outage": lambda: order_error(400, f"INVALID_REQUEST.{ORDERS}", "Invalid Request"),
    }.get(fault.kind)
    return make() if make else None


async def after(
    fault: Fault, request: Request, shown: Mapping[str, Any], was: Mapping[str, Any]
) -> Response | None:
    """What a fault does once the request has taken effect; None answers as usual."""
    match fault.kind:
        case "error_after":
            raise _broken(fault)
        case "html_after":
            return HTMLResponse(_PAGE)
        case "drop_after":
            return CutConnection()
        case "timeout_after":
            return await _silence(request)
        case "unshown":
            return JSONResponse(was)
        case "cut":
            text = json.dumps(shown)
            return Response(text[: len(text) // 2], media_type="application/json")
        case _:
            return None


def _throttled(fault: Fault) -> Refusal:
    headers = {
        "x-current-token-count": "0",
        "x-next-replenish-time": str(int((time.time() + fault.delay) * 1000)),
    }
    return gateway_error(429, "REQUEST_THRESHOLD_VIOLATED", "Request threshold violated", headers)


def _broken(fault: Fault) -> Refusal:
    code = fault.code or f"SYSTEM_ERROR.{ORDERS}"
    return order_error(fault.status, code, fault.description or "System error")


async def _silence(request: Request) -> Response:
    """Say nothing until the client has gone, or for LONGEST_SILENCE."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_SILENCE):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    return CutConnection()


def _do_later(delay: float, deed: Callable[[], Any]) -> None:
    async def later() -> None:
        await asyncio.sleep(delay)
        with contextlib.suppress(Refusal):
            deed()

    task = asyncio.create_task(later())
    # The loop holds tasks weakly only.
    _late.add(task)
    task.add_done_callback(_late.discard)


def basic(request: Request) -> tuple[str, str]:
    """The client id and secret of a request for a token, empty where there is none."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _, secret = text.partition(":")
    return (client_id, secret) if scheme.lower() == "basic" else ("", "")


def json_of(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """A request's JSON. Raises 400 for anything else."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_content("The body is not JSON") from error
