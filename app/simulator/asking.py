"""Request bodies of the routes under /simulator."""

import json
from typing import Any

from starlette.requests import Request

from app.simulator.errors import BadInput


async def wanted(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request, empty without a body. Raises BadInput for others."""
    body = await request.body()
    try:
        decoded = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON") from None
    if not isinstance(decoded, dict):
        raise BadInput("the body is not a JSON object")
    return decoded
