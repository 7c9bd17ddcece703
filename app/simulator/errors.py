"""Walmart's refusals, in Walmart's own shapes.

Orders answer `{"errors": {"error": [...]}}`, the gateway in front of them `{"error": [...]}`.
"""

from typing import Any

ORDERS, GATEWAY = "GMP_ORDER_API", "GMP_GATEWAY_API"
CONTENT = f"INVALID_REQUEST_CONTENT.{ORDERS}"


class Refusal(Exception):
    """An answer other than 200. headers are added to it."""

    def __init__(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        self.status, self.body, self.headers = status, body, headers or {}
        super().__init__(status)


def order_error(status: int, code: str, description: str, field: str = "data") -> Refusal:
    """A refusal of the orders API."""
    return Refusal(status, {"errors": {"error": [_error(code, description, field)]}})


def gateway_error(
    status: int, code: str, description: str, headers: dict[str, str] | None = None
) -> Refusal:
    """A refusal of the gateway, before the orders API has seen the request."""
    return Refusal(status, {"error": [_error(f"{code}.{GATEWAY}", description, "")]}, headers)


def bad_content(description: str, field: str = "data") -> Refusal:
    """The request was understood and does not fit the order."""
    return order_error(400, CONTENT, description, field)


def not_found() -> Refusal:
    """No order matches; Walmart answers an empty list so, too."""
    return order_error(
        404, f"CONTENT_NOT_FOUND.{ORDERS}", "Orders not found for given search parameters"
    )


def _error(code: str, description: str, field: str) -> dict[str, Any]:
    return {
        "code": code,
        "field": field,
        "description": description,
        "info": "Request content is invalid." if code.startswith("INVALID") else description,
        "severity": "ERROR",
        "category": "DATA",
        "causes": [],
        "errorIdentifiers": {"entry": []},
    }
