"""What a person asks of the simulator: the body of a request under /simulator."""

import json
from typing import Any

from starlette.requests import Request

from app.simulator.errors import BadInput


async def wanted(request: Request) -> dict[str, Any]:
    """The body of a request, empty if there is none. Raises BadInput for what is not an object."""
    body = await request.body()
    try:
        asked = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON") from None
    if not isinstance(asked, dict):
        raise BadInput("the body is not a JSON object")
    return asked
