"""The time limit of a request ends where its answer begins."""

import asyncio
from typing import Any

from starlette.types import Message
from structlog.testing import capture_logs

from app.web.path_rules import PathRules
from app.web.time_limit import TimeLimit

LIMIT = 0.05


async def sent_by(app: Any, path: str = "/") -> list[Message]:
    """What an app with a time limit sends."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: dict[str, Any] = {"type": "http", "path": path, "method": "GET", "headers": []}
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


async def test_the_log_names_the_route_and_not_the_path_which_may_hold_a_token() -> None:
    async def hanging(*_: Any) -> None:
        await asyncio.Event().wait()

    with capture_logs() as logged:
        await sent_by(hanging, "/enter/0-secret")
    broken_off = next(each for each in logged if each["event"] == "request_timeout")
    assert broken_off["limit"] == LIMIT
    assert "0-secret" not in str(logged)
