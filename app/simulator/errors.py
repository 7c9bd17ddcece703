"""Walmart's errors, in Walmart's own shapes.

The orders API answers `{"errors": {"error": [...]}}`, the gateway before it `{"error": [...]}`.
"""

from collections.abc import Mapping
from typing import Any

ORDERS, GATEWAY = "GMP_ORDER_API", "GMP_GATEWAY_API"
CONTENT = f"INVALID_REQUEST_CONTENT.{ORDERS}"
_NOT_FOUND, _BROKEN_FROM = "CONTENT_NOT_FOUND", 500


class Refusal(Exception):
    """An answer other than 200, with extra headers. body None means an empty answer."""

    def __init__(
        self, status: int, body: dict[str, Any] | None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status, self.body, self.headers = status, body, headers or {}
        super().__init__(status)


class BadInput(Exception):
    """A route under /simulator cannot fulfil a request; the message says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


def order_error(status: int, code: str, description: str, field: str = "data") -> Refusal:
    """Return an error of the orders API."""
    return Refusal(status, {"errors": {"error": [_error(status, code, description, field)]}})


def gateway_error(
    status: int, code: str, description: str, headers: Mapping[str, str] | None = None
) -> Refusal:
    """Return an error of the gateway, before the request reaches the orders API."""
    error = _error(status, f"{code}.{GATEWAY}", description, None)
    return Refusal(status, {"error": [error]}, headers)


def bad_content(description: str, field: str = "data") -> Refusal:
    """Return an error of a valid request that does not fit the order."""
    return order_error(400, CONTENT, description, field)


def not_found() -> Refusal:
    """Return the error for no matching order; Walmart also answers an empty list with it."""
    return order_error(
        404, f"{_NOT_FOUND}.{ORDERS}", "Orders not found for given search parameters"
    )


def _error(status: int, code: str, description: str, field: str | None) -> dict[str, Any]:
    content = code.startswith("INVALID_REQUEST")
    return {
        "code": code,
        **({"field": field} if field else {}),
        "description": description,
        "info": "Request content is invalid." if content else description,
        "severity": "INFO" if code.startswith(_NOT_FOUND) else "ERROR",
        "category": "SYSTEM" if status >= _BROKEN_FROM else "DATA",
        "causes": [],
        "errorIdentifiers": {"entry": []},
    }
