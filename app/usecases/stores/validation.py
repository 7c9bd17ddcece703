"""Validates a store's settings."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.commerce import signatures
from app.domain import time_zones
from app.domain.errors import Problem
from app.domain.orders import order_links, shipping
from app.domain.orders.cancellation import Reason
from app.http_client import ssrf_guard, webhook_signatures
from app.http_client.ssrf_guard import Guards
from app.walmart import carriers
from app.walmart.markets import Market

MARKETS = tuple(Market)
STORE_CODE = r"[A-Za-z][A-Za-z0-9_]{0,31}"
"""Pattern of the code of a store view (Magento, Store/Model/Validation/StoreCodeValidator.php)."""
# Defaults of a store that is not connected to Commerce.
NOT_CONNECTED: Mapping[str, Any] = {
    "commerce_base_url": None,
    "commerce_access_token": None,
    "commerce_push_orders": False,
    "commerce_stock_id": None,
}


def problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of single values."""
    if values.get("market") not in {None, *MARKETS}:
        yield Problem("market_not_supported", f"One of {', '.join(MARKETS)} is needed.", "/market")
    code = values.get("code")
    if code is not None and not re.fullmatch(STORE_CODE, code):
        yield Problem(
            "store_code_invalid",
            "A letter, then letters, digits and underscores, at most 32, as in Commerce.",
            "/code",
        )
    yield from reason_problems(
        values.get("default_cancellation_reason"), "/default_cancellation_reason"
    )
    for index, pem in enumerate(values.get("commerce_webhook_public_keys") or ()):
        if not signatures.valid_keys([pem]):
            pointer = f"/commerce/webhook_public_keys/{index}"
            text = "A public RSA key in PEM of at least 2048 bits is needed."
            yield Problem("public_key_invalid", text, pointer)
    yield from _admin_url_problems(values.get("admin_order_url"))
    yield from template_problems(values.get("default_tracking_url"), "/default_tracking_url")
    zone = values.get("time_zone")
    if zone is not None and not time_zones.exists(zone):
        text = "A name of the IANA time zone database is needed, such as America/Chicago."
        yield Problem("time_zone_unknown", text, "/time_zone")
    notified = values.get("notifications_url")
    if notified is not None and ssrf_guard.ill_formed(notified, query=True):
        text = "An http(s) address without a fragment and a password is needed."
        yield Problem("notifications_url_invalid", text, "/notifications/url")
    secret = values.get("notifications_secret")
    if secret is not None and webhook_signatures.ill_formed(secret):
        text = "After whsec_, 24 to 64 bytes in base64 are needed (Standard Webhooks)."
        yield Problem("notifications_secret_invalid", text, "/notifications/secret")
    for name, entry in (values.get("carriers") or {}).items():
        yield from _carrier_problems(name, entry)


def reason_problems(reason: str | None, pointer: str) -> Iterator[Problem]:
    """Problems of a reason of cancellations."""
    if reason is not None and reason not in set(Reason):
        yield Problem("reason_invalid", f"One of {', '.join(Reason)} is needed.", pointer)


def commerce_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of the connection to Commerce."""
    url, token = values["commerce_base_url"], values["commerce_access_token"]
    if url is not None and ssrf_guard.ill_formed(url):
        text = "An http(s) address without a query, a fragment and a password is needed."
        yield Problem("commerce_base_url_invalid", text, "/commerce/base_url")
    needed = values["commerce_push_orders"] or values["commerce_stock_id"] is not None
    if needed and not (url and token):
        text = "commerce.base_url and commerce.access_token are needed to call Commerce."
        yield Problem("commerce_access_needed", text, "/commerce")


async def address_problems(values: Mapping[str, Any], guards: Guards) -> list[Problem]:
    """Problems of addresses that Waybill refuses to call (`http_client/ssrf_guard.py`)."""
    found = []
    for name, pointer, guard in (
        ("commerce_base_url", "/commerce/base_url", guards.commerce),
        ("notifications_url", "/notifications/url", guards.notifications),
    ):
        url = values.get(name)
        if isinstance(url, str) and not ssrf_guard.ill_formed(url, query=True):
            reason = await guard.refused(url)
            found += [Problem("address_forbidden", reason, pointer)] if reason else []
    return found


def moved_problems(now: Mapping[str, Any], changes: Mapping[str, Any]) -> Iterator[Problem]:
    """A new address needs the token again, so that no one can redirect the stored token."""
    url = changes.get("commerce_base_url")
    moved = url is not None and url != now["commerce_base_url"]
    # mutation: commerce-token-address
    if moved and now["commerce_access_token"] and "commerce_access_token" not in changes:
        text = "Give commerce.access_token again: the stored token is not sent to a new address."
        yield Problem("commerce_access_needed", text, "/commerce/access_token")


def template_problems(template: str | None, pointer: str) -> Iterator[Problem]:
    """Problems of the address of a carrier's packages."""
    if template is None:
        return
    if not template.startswith(("http://", "https://")) or "{tracking_number}" not in template:
        text = "An http(s) address with {tracking_number} in it is needed."
        yield Problem("tracking_url_invalid", text, pointer)


def _admin_url_problems(template: str | None) -> Iterator[Problem]:
    """A link of the page: a browser must open it, and it must name one order."""
    if template is None:
        return
    filled = template.replace(order_links.ENTITY_ID, "1")
    wrong = any(shipping.url_problems(filled)) or order_links.ENTITY_ID not in template
    if wrong or ssrf_guard.ill_formed(filled, query=True):
        text = "An http(s) address with {entity_id} in it and without a password is needed."
        yield Problem("admin_order_url_invalid", text, "/admin_order_url")


def _carrier_problems(name: str, entry: Any) -> Iterator[Problem]:  # noqa: ANN401 - from JSON
    pointer = f"/carriers/{name.replace('~', '~0').replace('/', '~1')}"
    if isinstance(entry, str):
        if carriers.known(entry) is None:
            closest = carriers.closest(entry)
            hint = f" Did you mean {closest}?" if closest else ""
            text = f'Walmart does not know the carrier {entry!r}; name another as {{"other": …}}.'
            yield Problem("carrier_unknown", text + hint, pointer)
        return
    yield from template_problems(entry.get("tracking_url"), f"{pointer}/tracking_url")
