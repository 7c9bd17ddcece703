"""Forged events of Adobe cost a few fetches of keys; real ones are still verified."""

import asyncio

import httpx
import pytest
import respx

from app.commerce.adobe_keys import (
    AT_ONCE,
    BETWEEN,
    FAILED_FOR,
    KEPT_FOR,
    KEY_HOST,
    NONE_FOR,
    AdobeKeys,
    KeyNotAvailable,
)
from tests.integration.web.adobe import ADOBE, KEY_PATH, STRANGER, Clock, pem, sign
from tests.tls import TLS

BODY = b"{}"


def headers(signature: str, path: str = KEY_PATH) -> dict[str, str]:
    return {"x-adobe-digital-signature-1": signature, "x-adobe-public-key1-path": path}


REAL, FORGED = headers(sign(ADOBE, BODY)), headers(sign(STRANGER, BODY))


def forged(number: int) -> dict[str, str]:
    return headers(sign(STRANGER, BODY), f"/prod/keys/pub-key-{number}.pem")


async def judged(keys: AdobeKeys, event: dict[str, str]) -> bool | None:
    """Whether an event is Adobe's; None if that cannot be known now."""
    try:
        return await keys.signed(BODY, event)
    except KeyNotAvailable:
        return None


async def test_forged_events_cost_no_fetch_after_the_first() -> None:
    clock = Clock()
    keys = AdobeKeys(httpx.AsyncClient(verify=TLS), clock)
    with respx.mock() as adobe:
        known = adobe.get(f"{KEY_HOST}{KEY_PATH}").respond(text=pem(ADOBE))
        unknown = adobe.get(f"{KEY_HOST}/prod/keys/pub-key-0.pem").respond(404)
        at_once = await asyncio.gather(*(judged(keys, FORGED) for _ in range(9)))
        assert at_once == [False] * 9
        assert [await judged(keys, forged(0)) for _ in range(9)] == [False] * 9
        assert await judged(keys, REAL)
        assert (known.call_count, unknown.call_count) == (1, 1)
        clock.now = NONE_FOR + 1
        # Adobe may have the key by now.
        assert [await judged(keys, forged(0)) for _ in range(9)] == [False] * 9
        assert (known.call_count, unknown.call_count) == (1, 2)
    await keys.close()


async def test_events_that_name_ever_new_keys_share_a_few_fetches() -> None:
    clock = Clock()
    keys = AdobeKeys(httpx.AsyncClient(verify=TLS), clock)
    with respx.mock(assert_all_called=False) as adobe:
        adobe.get(f"{KEY_HOST}{KEY_PATH}").respond(text=pem(ADOBE))
        adobe.get(url__startswith=KEY_HOST).respond(404)
        assert await judged(keys, REAL)
        for number in range(500):
            await judged(keys, forged(number))
        assert adobe.calls.call_count == AT_ONCE
        # A known key costs no fetch; a day later its own fetch is made at once.
        assert await judged(keys, REAL)
        clock.now = KEPT_FOR + 1
        for number in range(500, 600):
            await judged(keys, forged(number))
        spent = adobe.calls.call_count
        assert spent == 2 * AT_ONCE
        assert await judged(keys, REAL)
        assert adobe.calls.call_count == spent + 1
        clock.now += AT_ONCE * BETWEEN
        assert await judged(keys, forged(7)) is False
    await keys.close()


@pytest.mark.parametrize("failure", [httpx.ConnectError("away"), httpx.Response(503)])
async def test_a_known_key_that_cannot_be_fetched_again_is_asked_for_once_in_a_while(
    failure: httpx.Response | Exception,
) -> None:
    clock = Clock()
    keys = AdobeKeys(httpx.AsyncClient(verify=TLS), clock)
    with respx.mock() as adobe:
        route = adobe.get(f"{KEY_HOST}{KEY_PATH}")
        answer = httpx.Response(200, text=pem(ADOBE))
        route.mock(side_effect=[answer, failure, answer])
        assert await judged(keys, REAL)
        clock.now = KEPT_FOR + 1
        assert [await judged(keys, REAL) for _ in range(3)] == [None] * 3
        assert route.call_count == 2
        clock.now += FAILED_FOR + 1
        assert await judged(keys, REAL)
    await keys.close()
