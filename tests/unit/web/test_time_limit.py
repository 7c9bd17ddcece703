"""The time limit of a request ends where its answer begins."""

import asyncio
from typing import Any

from starlette.types import Message

from app.web.path_rules import PathRules
from app.web.time_limit import TimeLimit

LIMIT = 0.05


async def sent_by(app: Any) -> list[Message]:
    """What an app with a time limit sends."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: dict[str, Any] = {"type": "http", "path": "/", "method": "GET", "headers": []}
    PathRules([]).assign(scope)
    await TimeLimit(app, seconds=LIMIT)(scope, receive, send)
    return messages


async def test_an_answer_that_has_begun_goes_on_beyond_the_limit() -> None:
    async def streaming(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(3 * LIMIT)
        await send({"type": "http.response.body", "body": b"late"})

    assert [each["type"] for each in await sent_by(streaming)] == [
        "http.response.start",
        "http.response.body",
    ]


async def test_an_answer_that_does_not_begin_is_broken_off_and_its_work_canceled() -> None:
    ended = []

    async def hanging(*_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    start, body = await sent_by(hanging)
    assert (start["status"], b"request_timeout" in body["body"], ended) == (503, True, [True])
