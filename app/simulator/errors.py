"""Walmart's refusals, in Walmart's own shapes.

Orders answer `{"errors": {"error": [...]}}`, the gateway in front of them `{"error": [...]}`.
"""

from collections.abc import Mapping
from typing import Any

ORDERS, GATEWAY = "GMP_ORDER_API", "GMP_GATEWAY_API"
CONTENT = f"INVALID_REQUEST_CONTENT.{ORDERS}"
_NOT_FOUND, _BROKEN_FROM = "CONTENT_NOT_FOUND", 500


class Refusal(Exception):
    """An answer other than 200. headers are added to it; body None is a bare answer."""

    def __init__(
        self, status: int, body: dict[str, Any] | None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status, self.body, self.headers = status, body, headers or {}
        super().__init__(status)


class BadInput(Exception):
    """The simulator's own routes cannot do what was asked; the message says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


def order_error(status: int, code: str, description: str, field: str = "data") -> Refusal:
    """A refusal of the orders API."""
    return Refusal(status, {"errors": {"error": [_error(status, code, description, field)]}})


def gateway_error(
    status: int, code: str, description: str, headers: Mapping[str, str] | None = None
) -> Refusal:
    """A refusal of the gateway, before the orders API has seen the request."""
    error = _error(status, f"{code}.{GATEWAY}", description, None)
    return Refusal(status, {"error": [error]}, headers)


def bad_content(description: str, field: str = "data") -> Refusal:
    """The request was understood and does not fit the order."""
    return order_error(400, CONTENT, description, field)


def not_found() -> Refusal:
    """No order matches; Walmart answers an empty list so, too."""
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
