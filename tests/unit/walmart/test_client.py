import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pytest
import respx

from app.domain.orders.snapshot import UnitStatus
from app.http_client.call import Call
from app.http_client.exchange import MAX_ANSWER_BYTES
from app.walmart import errors
from app.walmart.client import WalmartClient, WalmartReply
from tests.unit.walmart.builders import ACCOUNT, NOW, PO, a_line, an_error, an_order, units
from tests.unit.walmart.conftest import a_while

BODY = {"orderShipment": {"orderLines": {"orderLine": [{"lineNumber": "1"}]}}}
Operation = Callable[[WalmartClient], Awaitable[WalmartReply]]
READ: Operation = lambda client: client.read_order(ACCOUNT, PO)  # noqa: E731
ACKNOWLEDGE: Operation = lambda client: client.acknowledge(ACCOUNT, PO)  # noqa: E731
SHIP: Operation = lambda client: client.ship(ACCOUNT, PO, BODY)  # noqa: E731
CANCEL: Operation = lambda client: client.cancel(ACCOUNT, PO, BODY)  # noqa: E731


class Endpoint(NamedTuple):
    ask: Operation
    method: str
    path: str


ALL = [
    pytest.param(Endpoint(READ, "GET", f"/v3/orders/{PO}"), id="read"),
    pytest.param(Endpoint(ACKNOWLEDGE, "POST", f"/v3/orders/{PO}/acknowledge"), id="acknowledge"),
    pytest.param(Endpoint(SHIP, "POST", f"/v3/orders/{PO}/shipping"), id="ship"),
    pytest.param(Endpoint(CANCEL, "POST", f"/v3/orders/{PO}/cancel"), id="cancel"),
]
INVALID_TOKEN = {"error": [{"code": "INVALID_TOKEN.GMP_GATEWAY_API"}]}


def everything_in(call: Call | None) -> str:
    return repr(call)


@pytest.mark.parametrize("endpoint", ALL)
async def test_each_operation_sends_walmarts_request(
    client: WalmartClient, walmart: respx.MockRouter, endpoint: Endpoint
) -> None:
    route = walmart.request(endpoint.method, endpoint.path).respond(json=an_order())
    answer = await endpoint.ask(client)
    request = route.calls.last.request
    assert request.headers["WM_SEC.ACCESS_TOKEN"] == "token-1"
    assert request.headers["WM_SVC.NAME"] == "Walmart Marketplace"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept-Encoding"] == "identity"
    assert "Authorization" not in request.headers
    assert answer.order is not None
    assert answer.order.purchase_order_id == PO
    assert (answer.call.method, answer.call.path) == (endpoint.method, endpoint.path)
    assert answer.call.status == 200


@pytest.mark.parametrize("operation", [SHIP, CANCEL])
async def test_a_write_sends_exactly_its_body(
    client: WalmartClient, walmart: respx.MockRouter, operation: Operation
) -> None:
    route = walmart.post(path__regex=f"/v3/orders/{PO}/.*").respond(json=an_order())
    answer = await operation(client)
    assert json.loads(route.calls.last.request.content) == BODY
    assert answer.call.request is not None
    assert json.loads(answer.call.request) == BODY


async def test_an_acknowledgement_sends_nothing(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    route = walmart.post(f"/v3/orders/{PO}/acknowledge").respond(json=an_order())
    answer = await ACKNOWLEDGE(client)
    assert route.calls.last.request.content == b""
    assert answer.call.request is None


async def test_every_http_try_has_its_own_correlation_id(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    route = walmart.get(f"/v3/orders/{PO}").mock(
        side_effect=[httpx.Response(401), httpx.Response(200, json=an_order())]
    )
    answer = await READ(client)
    tries = [*walmart["token"].calls, *route.calls]
    sent = {each.request.headers["WM_QOS.CORRELATION_ID"] for each in tries}
    assert len(sent) == len(tries) == 4
    assert answer.call.correlation_id == route.calls.last.request.headers["WM_QOS.CORRELATION_ID"]


async def test_an_unusual_order_number_stays_within_its_path(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    route = walmart.get(path__startswith="/v3/orders/").respond(404, json=an_error("X"))
    with pytest.raises(errors.CallRefused):
        await client.read_order(ACCOUNT, "1/../2?x=1#y")
    assert route.calls.last.request.url.raw_path == b"/v3/orders/1%2F..%2F2%3Fx%3D1%23y"


@pytest.mark.parametrize("endpoint", ALL)
@pytest.mark.parametrize(
    "refusal", [httpx.Response(401), httpx.Response(400, json=INVALID_TOKEN)], ids=["401", "400"]
)
async def test_a_refused_token_is_renewed_once(
    client: WalmartClient,
    walmart: respx.MockRouter,
    endpoint: Endpoint,
    refusal: httpx.Response,
) -> None:
    route = walmart.request(endpoint.method, endpoint.path).mock(
        side_effect=[refusal, httpx.Response(200, json=an_order())]
    )
    assert (await endpoint.ask(client)).order is not None
    sent = [each.request.headers["WM_SEC.ACCESS_TOKEN"] for each in route.calls]
    assert sent == ["token-1", "token-2"]


async def test_a_second_refusal_rejects_the_credentials(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    route = walmart.post(f"/v3/orders/{PO}/shipping").respond(401)
    with pytest.raises(errors.CredentialsRejected):
        await SHIP(client)
    assert route.call_count == 2


async def test_concurrent_calls_renew_an_ended_token_once(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await a_while()
        ended = request.headers["WM_SEC.ACCESS_TOKEN"] == "token-1"
        return httpx.Response(401) if ended else httpx.Response(200, json=an_order())

    walmart.get(f"/v3/orders/{PO}").mock(side_effect=answer)
    await asyncio.gather(*(READ(client) for _ in range(20)))
    assert walmart["token"].call_count == 2


async def test_a_failed_token_renewal_leaves_the_write_unsent(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    token = httpx.Response(200, json={"access_token": "t", "expires_in": 900})
    walmart["token"].mock(side_effect=[token, *[httpx.ReadTimeout("slow")] * 3])
    walmart.post(f"/v3/orders/{PO}/shipping").respond(401)
    with pytest.raises(errors.NotSent):
        await SHIP(client)


@pytest.mark.parametrize("endpoint", ALL)
@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (httpx.ConnectError, errors.NotSent),
        (httpx.ConnectTimeout, errors.NotSent),
        (httpx.PoolTimeout, errors.NotSent),
        (httpx.UnsupportedProtocol, errors.NotSent),
        (httpx.ReadTimeout, errors.CallUnclear),
        (httpx.WriteTimeout, errors.CallUnclear),
        (httpx.ReadError, errors.CallUnclear),
        (httpx.WriteError, errors.CallUnclear),
        (httpx.CloseError, errors.CallUnclear),
        (httpx.RemoteProtocolError, errors.CallUnclear),
        (httpx.LocalProtocolError, errors.CallUnclear),
        (httpx.ProxyError, errors.CallUnclear),
        (httpx.DecodingError, errors.CallUnclear),
        (ConnectionResetError, errors.CallUnclear),
        (TimeoutError, errors.CallUnclear),
    ],
)
async def test_every_network_failure_has_its_error(
    client: WalmartClient,
    walmart: respx.MockRouter,
    endpoint: Endpoint,
    failure: type[Exception],
    expected: type[errors.WalmartError],
) -> None:
    route = walmart.request(endpoint.method, endpoint.path).mock(side_effect=failure("canary"))
    with pytest.raises(errors.WalmartError) as raised:
        await endpoint.ask(client)
    assert type(raised.value) is expected
    assert route.call_count == 1
    assert raised.value.call is not None
    assert raised.value.call.status is None
    assert raised.value.call.failure
    assert "canary" not in everything_in(raised.value.call)


@pytest.mark.parametrize("endpoint", ALL)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(400, json=an_error("INVALID_REQUEST_CONTENT.X")), errors.CallRefused),
        (httpx.Response(404, json=an_error("CONTENT_NOT_FOUND.GMP_ORDER_API")), errors.NotFound),
        (httpx.Response(404, json=an_error("URI_NOT_FOUND")), errors.Misconfigured),
        (httpx.Response(404, text="<html>Not here</html>"), errors.CallUnclear),
        (httpx.Response(400, text='{"errors": {"error": [{"code"'), errors.CallUnclear),
        (httpx.Response(400, text="<ns4:errors><ns4:error><ns4:code>A</ns4:code></ns4:error>"
                                  "</ns4:errors>"), errors.CallRefused),
        (httpx.Response(403), errors.Misconfigured),
        (httpx.Response(423), errors.Unavailable),
        (httpx.Response(429), errors.Throttled),
        (httpx.Response(500), errors.CallUnclear),
        (httpx.Response(503, text="<html>Unavailable</html>"), errors.CallUnclear),
        (httpx.Response(200, text="<html>Maintenance</html>"), errors.CallUnclear),
        (httpx.Response(200, text=json.dumps(an_order())[:-5]), errors.CallUnclear),
        (httpx.Response(200, content=b"\xff\xfe{}"), errors.CallUnclear),
        (httpx.Response(200, text="[" * 100_000), errors.CallUnclear),
        (httpx.Response(200, json=an_error("SYSTEM_ERROR")), errors.CallUnclear),
        (httpx.Response(200, json=an_order(po="1796330129999")), errors.CallUnclear),
        (httpx.Response(307, headers={"Location": "https://elsewhere.example"}),
         errors.Misconfigured),
    ],
)  # fmt: skip
async def test_every_answer_has_its_error(
    client: WalmartClient,
    walmart: respx.MockRouter,
    endpoint: Endpoint,
    answer: httpx.Response,
    expected: type[errors.WalmartError],
) -> None:
    route = walmart.request(endpoint.method, endpoint.path).mock(return_value=answer)
    with pytest.raises(errors.WalmartError) as raised:
        await endpoint.ask(client)
    assert type(raised.value) is expected
    assert route.call_count == 1


@pytest.mark.parametrize("operation", [READ, SHIP, CANCEL])
@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"order": {}}', b'{"order": []}'])
async def test_a_success_without_an_order_is_unclear(
    client: WalmartClient, walmart: respx.MockRouter, operation: Operation, body: bytes
) -> None:
    walmart.route(path__startswith=f"/v3/orders/{PO}").respond(200, content=body)
    with pytest.raises(errors.CallUnclear):
        await operation(client)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"order": {"purchaseOrderId": "1"}}'])
async def test_an_acknowledgement_needs_no_order_in_its_answer(
    client: WalmartClient, walmart: respx.MockRouter, body: bytes
) -> None:
    walmart.post(f"/v3/orders/{PO}/acknowledge").respond(200, content=body)
    assert (await ACKNOWLEDGE(client)).order is None


async def test_an_order_past_acknowledgement_is_a_refusal(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    error = an_error(
        "INVALID_REQUEST_CONTENT.GMP_ORDER_API", description="Some or all qty in higher status"
    )
    walmart.post(f"/v3/orders/{PO}/acknowledge").respond(400, json=error)
    with pytest.raises(errors.CallRefused) as raised:
        await ACKNOWLEDGE(client)
    assert raised.value.description == "Some or all qty in higher status"


async def test_an_order_without_its_wrapper_is_read(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    walmart.get(f"/v3/orders/{PO}").respond(json=an_order()["order"])
    order = (await READ(client)).order
    assert order is not None
    assert order.lines["1"].count(UnitStatus.ACKNOWLEDGED) == 1


async def test_prices_stay_exact(client: WalmartClient, walmart: respx.MockRouter) -> None:
    text = json.dumps(an_order()).replace("14.5", "14.10000000000000000001")
    walmart.get(f"/v3/orders/{PO}").respond(200, text=text)
    order = (await READ(client)).order
    assert order is not None
    assert str(order.lines["1"].unit_price) == "14.10000000000000000001"


async def test_an_endless_answer_is_not_read_to_the_end(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    body = b'"' + b"x" * (MAX_ANSWER_BYTES + 10) + b'"'
    walmart.post(f"/v3/orders/{PO}/shipping").respond(200, content=body)
    with pytest.raises(errors.CallUnclear) as raised:
        await SHIP(client)
    assert raised.value.call is not None
    assert raised.value.call.failure == "answer_too_large"


async def test_the_throttling_headers_are_in_the_evidence(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    replenished = int((NOW + timedelta(seconds=9)).timestamp() * 1000)
    headers = {"X-Current-Token-Count": "0", "X-Next-Replenishment-Time": str(replenished)}
    walmart.get(f"/v3/orders/{PO}").respond(200, json=an_order(), headers=headers)
    walmart.post(f"/v3/orders/{PO}/cancel").respond(429, headers=headers)
    call = (await READ(client)).call
    assert (call.tokens_left, call.replenish_in) == (0, timedelta(seconds=9))
    with pytest.raises(errors.Throttled) as raised:
        await CANCEL(client)
    assert raised.value.retry_after == timedelta(seconds=9)


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_no_secret_and_no_buyer_is_in_the_evidence(
    client: WalmartClient, walmart: respx.MockRouter, status: int
) -> None:
    body = {
        **an_order(a_line("1", "1", units("Created", "1"))),
        **an_error("A", info="canary@x.io"),
    }
    echo = json.dumps({**body, "echo": "token-1 s3cret-canary"})
    walmart.get(f"/v3/orders/{PO}").respond(status, text=echo)
    with pytest.raises(errors.WalmartError) as raised:
        await READ(client)
    seen = everything_in(raised.value.call) + str(raised.value) + repr(ACCOUNT)
    assert not [word for word in ("canary", "Canary", "token-1", "2025550100") if word in seen]


async def test_no_token_is_in_the_evidence_of_a_token_request(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    walmart["token"].respond(500, json={"access_token": "canary", "secret": ACCOUNT.client_secret})
    with pytest.raises(errors.NotSent) as raised:
        await READ(client)
    assert "canary" not in everything_in(raised.value.call)


DETAIL: dict[str, Any] = {
    "expire_at": "1800000900000",
    "issued_at": "1800000000000",
    "is_valid": True,
    "is_channel_match": True,
    "scopes": {"orders": "full_access", "inventory": "view_only"},
}


async def test_a_check_reports_the_permissions_of_the_keys(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    walmart.get("/v3/token/detail").respond(json=DETAIL)
    detail = await client.check(ACCOUNT)
    assert detail.may_write_orders
    assert detail.scopes["inventory"] == "view_only"
    assert detail.expires_at is not None
    assert detail.expires_at.year == 2027


@pytest.mark.parametrize(
    "change", [{"scopes": {"orders": "view_only"}}, {"scopes": {}}, {"is_valid": False}]
)
async def test_a_check_reports_keys_without_permission_to_write_orders(
    client: WalmartClient, walmart: respx.MockRouter, change: dict[str, object]
) -> None:
    walmart.get("/v3/token/detail").respond(json={**DETAIL, **change})
    assert not (await client.check(ACCOUNT)).may_write_orders


async def test_a_check_tests_the_keys_even_if_an_old_token_still_works(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    walmart.get(f"/v3/orders/{PO}").respond(json=an_order())
    await READ(client)
    walmart["token"].respond(401)
    with pytest.raises(errors.CredentialsRejected):
        await client.check(ACCOUNT)


async def test_a_check_without_scopes_in_the_answer_is_unclear(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    walmart.get("/v3/token/detail").respond(json={"is_valid": True})
    with pytest.raises(errors.CallUnclear):
        await client.check(ACCOUNT)
