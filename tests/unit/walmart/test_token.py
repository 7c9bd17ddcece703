import asyncio
import base64
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from app.domain.seller_credentials import SellerCredentials
from app.walmart import errors
from app.walmart.client import WalmartClient
from tests.unit.walmart.builders import ACCOUNT, PO, an_error, an_order
from tests.unit.walmart.conftest import Clock, a_while


@pytest.fixture(autouse=True)
def order(walmart: respx.MockRouter) -> respx.Route:
    return walmart.get(f"/v3/orders/{PO}").respond(json=an_order())


async def test_twenty_calls_at_once_ask_for_one_token(
    client: WalmartClient, walmart: respx.MockRouter, order: respx.Route
) -> None:
    await asyncio.gather(*(client.read_order(ACCOUNT, PO) for _ in range(20)))
    assert walmart["token"].call_count == 1
    sent = {call.request.headers["WM_SEC.ACCESS_TOKEN"] for call in order.calls}
    assert sent == {"token-1"}


async def test_the_token_request_has_walmarts_form(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    await client.read_order(ACCOUNT, PO)
    request = walmart["token"].calls.last.request
    basic = base64.b64encode(b"client-7:s3cret-canary").decode()
    assert request.headers["Authorization"] == f"Basic {basic}"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["WM_SVC.NAME"] == "Walmart Marketplace"
    assert request.headers["WM_QOS.CORRELATION_ID"]
    assert "WM_SEC.ACCESS_TOKEN" not in request.headers
    assert parse_qs(request.content.decode()) == {"grant_type": ["client_credentials"]}


async def test_a_token_is_renewed_a_minute_before_it_expires(
    client: WalmartClient, walmart: respx.MockRouter, clock: Clock
) -> None:
    await client.read_order(ACCOUNT, PO)
    clock.passes(seconds=839)
    await client.read_order(ACCOUNT, PO)
    assert walmart["token"].call_count == 1
    clock.passes(seconds=1)
    await client.read_order(ACCOUNT, PO)
    assert walmart["token"].call_count == 2


async def test_each_store_has_its_own_token(
    client: WalmartClient, walmart: respx.MockRouter, order: respx.Route
) -> None:
    await client.read_order(ACCOUNT, PO)
    await client.read_order(SellerCredentials(8, "client-8", "other"), PO)
    assert walmart["token"].call_count == 2
    assert order.calls.last.request.headers["WM_SEC.ACCESS_TOKEN"] == "token-2"


async def test_new_credentials_get_a_new_token(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    await client.read_order(ACCOUNT, PO)
    await client.read_order(SellerCredentials(7, "client-7", "changed"), PO)
    client.forget(7)
    await client.read_order(SellerCredentials(7, "client-7", "changed"), PO)
    assert walmart["token"].call_count == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b""),
        (400, b"<html>Bad Request</html>"),
        (400, b'{"error":"invalid_client"}'),
        (401, b""),
        (401, b'{"error":[{"code":"UNAUTHORIZED.GMP_GATEWAY_API"}]}'),
    ],
)
async def test_rejected_credentials_fail_all_waiting_calls_after_one_request(
    client: WalmartClient,
    walmart: respx.MockRouter,
    order: respx.Route,
    status: int,
    body: bytes,
) -> None:
    async def refuse(_: httpx.Request) -> httpx.Response:
        await a_while()
        return httpx.Response(status, content=body)

    walmart["token"].mock(side_effect=refuse)
    calls = (client.read_order(ACCOUNT, PO) for _ in range(20))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {errors.CredentialsRejected}
    assert walmart["token"].call_count == 1
    assert not order.called


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(503),
        httpx.Response(200, text="<html>maintenance</html>"),
        httpx.Response(200, json={"token_type": "Bearer"}),
        httpx.Response(200, json={"access_token": "two words"}),
        httpx.Response(200, json={"access_token": 7}),
    ],
)
async def test_a_failed_token_request_means_the_call_was_not_sent(
    client: WalmartClient,
    walmart: respx.MockRouter,
    order: respx.Route,
    failure: httpx.Response | Exception,
) -> None:
    walmart["token"].mock(side_effect=[failure] * 3)
    with pytest.raises(errors.NotSent) as raised:
        await client.read_order(ACCOUNT, PO)
    assert raised.value.call is not None
    assert raised.value.call.operation == "token"
    assert walmart["token"].call_count == 3
    assert not order.called


async def test_a_failing_token_service_is_retried_with_growing_delays(
    client: WalmartClient, walmart: respx.MockRouter, clock: Clock
) -> None:
    walmart["token"].mock(
        side_effect=[
            httpx.Response(500),
            httpx.ConnectTimeout("slow"),
            httpx.Response(200, json={"access_token": "late", "expires_in": "900"}),
        ]
    )
    assert (await client.read_order(ACCOUNT, PO)).order is not None
    assert clock.slept == [0.5, 1.0]


async def test_the_next_call_after_a_failure_requests_a_new_token(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    walmart["token"].mock(
        side_effect=[httpx.Response(401), httpx.Response(200, json={"access_token": "t"})]
    )
    with pytest.raises(errors.CredentialsRejected):
        await client.read_order(ACCOUNT, PO)
    assert (await client.read_order(ACCOUNT, PO)).order is not None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(403), errors.Misconfigured),
        (httpx.Response(404), errors.Misconfigured),
        (httpx.Response(404, json=an_error("CONTENT_NOT_FOUND")), errors.Misconfigured),
        (httpx.Response(422), errors.Misconfigured),
        (httpx.Response(429), errors.Throttled),
        (httpx.Response(423), errors.Unavailable),
        (
            httpx.Response(
                400,
                json=an_error(
                    "INVALID_REQUEST.GMP_ORDER_API", field="data", description="Invalid Request"
                ),
            ),
            errors.Unavailable,
        ),
    ],
)
async def test_other_answers_of_the_token_service_keep_their_error(
    client: WalmartClient,
    walmart: respx.MockRouter,
    answer: httpx.Response,
    expected: type[errors.WalmartError],
) -> None:
    walmart["token"].mock(return_value=answer)
    with pytest.raises(expected):
        await client.read_order(ACCOUNT, PO)
    assert walmart["token"].call_count == 1


async def test_a_token_in_xml_is_read(
    client: WalmartClient, walmart: respx.MockRouter, order: respx.Route, clock: Clock
) -> None:
    body = (
        "<?xml version='1.0'?><OAuthTokenDTO><accessToken>xml-token</accessToken>"
        "<tokenType>Bearer</tokenType><expiresIn>300</expiresIn></OAuthTokenDTO>"
    )
    walmart["token"].respond(200, content=body, content_type="application/xml")
    await client.read_order(ACCOUNT, PO)
    assert order.calls.last.request.headers["WM_SEC.ACCESS_TOKEN"] == "xml-token"
    clock.passes(seconds=240)
    await client.read_order(ACCOUNT, PO)
    assert walmart["token"].call_count == 2


@pytest.mark.parametrize("lifetime", ["null", '"soon"', "-5", "1e400", "NaN", "[1]", "true"])
async def test_a_token_without_a_plausible_lifetime_is_used(
    client: WalmartClient, walmart: respx.MockRouter, lifetime: str
) -> None:
    walmart["token"].respond(200, content=f'{{"access_token": "t", "expires_in": {lifetime}}}')
    assert (await client.read_order(ACCOUNT, PO)).order is not None


async def test_a_canceled_caller_does_not_stop_the_others(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        asked.set()
        await may_answer.wait()
        return httpx.Response(200, json={"access_token": "t", "expires_in": 900})

    walmart["token"].mock(side_effect=answer)
    first = asyncio.create_task(client.read_order(ACCOUNT, PO))
    await asked.wait()
    second = asyncio.create_task(client.read_order(ACCOUNT, PO))
    first.cancel()
    may_answer.set()
    assert (await second).order is not None
    with pytest.raises(asyncio.CancelledError):
        await first
