"""Walmart's gateway: checks the token, the headers and the rate limit of a call."""

import base64
import binascii
from collections.abc import Mapping

from starlette.requests import Request

from app.simulator.errors import ORDERS, Refusal, order_error
from app.simulator.ledger import ReceivedCall
from app.simulator.names import MARKETS
from app.simulator.world import World

_TOKEN = "wm_sec.access_token"  # noqa: S105 - a header's name
# The only version of the Global APIs.
_GLOBAL_VERSION = "3.1"
_REQUIRED = ("wm_qos.correlation_id", "wm_svc.name")


def access_token(request: Request) -> str:
    """Return the token of a call; empty means none. Walmart ignores a Bearer token."""
    return request.headers.get(_TOKEN, "")


def enter(world: World, request: Request, call: ReceivedCall) -> Mapping[str, str]:
    """Admit a call to a business endpoint; return the rate-limit headers. Raises Refusal."""
    world.accounts.admit(access_token(request))
    _check_headers(request)
    if request.method == "POST" and "json" not in request.headers.get("content-type", ""):
        # Integrators have seen this answer, and not a 415, for a missing content type.
        raise order_error(500, f"SYSTEM_ERROR.{ORDERS}", "System error")
    return world.buckets.spend(call.client_id, call.operation)


def in_market(client_id: str, request: Request) -> str:
    """Return the account of a market: seller, or seller@ca. Without the header it is the US."""
    market = request.headers.get("wm_market", "us").casefold()
    return client_id if market == "us" or not client_id else f"{client_id}@{market}"


def enter_for_token(_: World, request: Request, __: ReceivedCall) -> Mapping[str, str]:
    """Admit a request for a token. Raises Refusal."""
    _check_headers(request)
    if not credentials(request)[0]:
        # An empty answer, in none of Walmart's error shapes.
        raise Refusal(400, None)
    return {}


def credentials(request: Request) -> tuple[str, str]:
    """Return the client id and secret of a request for a token; empty texts mean none."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    client_id, _, secret = text.partition(":")
    return (client_id, secret) if scheme.lower() == "basic" else ("", "")


def _check_headers(request: Request) -> None:
    market = request.headers.get("wm_market")
    if market is not None:
        # Clients of the Global APIs leave the version out; Walmart then takes the newest.
        # mutation: simulated-market-header
        version = request.headers.get("wm_global_version", _GLOBAL_VERSION)
        if market.casefold() not in MARKETS or version != _GLOBAL_VERSION:
            raise order_error(400, f"INVALID_REQUEST_HEADER.{ORDERS}", "Market is not known")
    for name in _REQUIRED:
        if not request.headers.get(name):
            shown = name.upper()
            text = f"Header {shown} is missing"
            raise order_error(400, f"MISSING_REQUEST_HEADER.{ORDERS}", text, shown)
