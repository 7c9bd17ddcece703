"""Operations that are run again where a row is held or a session is stale (storage/again.py)."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Response
from fastapi.routing import APIRoute

from app.storage.again import again

Endpoint = Callable[..., Awaitable[Response]]


class Repeatable(APIRoute):
    """A route whose endpoint is safe to repeat: what was committed before is known then."""

    def __init__(self, path: str, endpoint: Endpoint, **more: Any) -> None:  # noqa: ANN401 - FastAPI's own
        super().__init__(path, _repeated(endpoint), **more)


def _repeated(endpoint: Endpoint) -> Endpoint:
    @functools.wraps(endpoint)
    async def run(**values: object) -> Response:
        return await again(lambda: endpoint(**values))

    return run
