"""Walmart's webhooks: the events to subscribe to, their signature, and their parser.

The envelope is {"source": {"eventType", "eventId", …}, "payload": {…}}. Payloads name fields and
write dates unlike the orders API, and Walmart documents the kind of a change in two ways. So only
the number of the order or return is taken from an event, and Walmart is read.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.walmart.json_values import text

SIGNATURE_HEADER = "X-Waybill-Signature"
# Walmart ends its single order events on 2026-12-15; the return events have no successor.
SUBSCRIBED: Mapping[str, str] = {
    "ORDER_UPDATES": "ORDER",
    "RETURN_CREATED": "RETURNS",
    "RETURN_DELIVERED": "RETURNS",
    "RETURN_INVOICED": "RETURNS",
}
_DEEPEST = 6
_ORDER, _RETURN = frozenset({"purchaseOrderId"}), frozenset({"returnOrderId", "rmaNumber"})


class NotANotification(ValueError):
    """The body is not an event of Walmart's; the message says why."""


@dataclass(frozen=True, slots=True)
class WalmartEvent:
    """An event of Walmart's; either number may be missing."""

    id: str
    type: str
    purchase_order_id: str | None
    return_order_id: str | None


def signed(body: bytes, secret: str, signature: str) -> bool:
    """Whether a signature is the HMAC-SHA256 of a body, in hex or base64.

    Walmart's documents do not say which of the two it sends.
    """
    digest = hmac.digest(secret.encode(), body, hashlib.sha256)
    given = signature.strip().removeprefix("sha256=").encode(errors="replace")
    expected = (digest.hex().encode(), base64.b64encode(digest))
    return any(hmac.compare_digest(given, each) for each in expected)


def read(body: bytes) -> WalmartEvent:
    """Read an event. Raises NotANotification."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotANotification("it is not JSON") from error
    source = envelope.get("source") if isinstance(envelope, Mapping) else None
    kind = text(source.get("eventType")) if isinstance(source, Mapping) else None
    identifier = text(source.get("eventId")) if isinstance(source, Mapping) else None
    if kind is None:
        raise NotANotification("it names no eventType")
    if identifier is None:
        # An event without an id is identified by its body.
        identifier = hashlib.sha256(body).hexdigest()
    payload = envelope.get("payload")
    return WalmartEvent(
        id=identifier[:200],
        type=kind[:100],
        purchase_order_id=_first(payload, _ORDER),
        return_order_id=_first(payload, _RETURN),
    )


def subscription(url: str, kind: str, resource: str, secret: str) -> dict[str, object]:
    """Return one event of the request body that subscribes."""
    return {
        "eventType": kind,
        "eventVersion": "V1",
        "resourceName": resource,
        "eventUrl": url,
        "authDetails": {
            "authMethod": "HMAC",
            "clientSecret": secret,
            "authHeaderName": SIGNATURE_HEADER,
        },
        "headers": {"content-type": "application/json"},
        "status": "ACTIVE",
    }


def _first(payload: object, names: frozenset[str]) -> str | None:
    return next((found[:50] for found in _all(payload, names, 0)), None)


def _all(value: object, names: frozenset[str], depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, each in value.items():
            number = text(each) if name in names else None
            if number is not None:
                yield number
            else:
                yield from _all(each, names, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _all(each, names, depth + 1)
