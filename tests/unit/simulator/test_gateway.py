"""Tokens, headers and throttling: what Walmart's gateway accepts."""

import base64
import re

import httpx
import pytest

from app.simulator.app import create_app
from tests.unit.simulator.seller import PO, SECOND, SERVICE, Clock, Seller, error, in_memory

READ = f"/v3/orders/{PO}"


async def test_a_token_is_long_and_states_its_lifetime(
    seller: Seller,
) -> None:
    granted = (await seller.ask_for_token()).json()
    assert granted.keys() == {"access_token", "token_type", "expires_in"}
    assert granted["expires_in"] == 900
    assert len(granted["access_token"]) > 1000


async def test_a_wrong_secret_gets_no_token(seller: Seller) -> None:
    answer = await seller.ask_for_token("wrong")
    assert answer.status_code == 401
    assert error(answer)["code"] == "UNAUTHORIZED.GMP_GATEWAY_API"


@pytest.mark.parametrize(
    "authorization",
    ["Bearer x", "Basic !", "Basic " + base64.b64encode(b":s").decode(), "Basic /w=="],
)
async def test_a_token_request_without_usable_credentials_gets_an_empty_400(
    seller: Seller, authorization: str
) -> None:
    answer = await seller.http.post(
        "/v3/token", data={"grant_type": "client_credentials"},
        headers={**SERVICE, "Authorization": authorization},
    )  # fmt: skip
    assert (answer.status_code, answer.text) == (400, "Bad Request")


async def test_another_grant_is_refused(seller: Seller) -> None:
    answer = await seller.http.post(
        "/v3/token", auth=("a", "b"), data={"grant_type": "password"}, headers=SERVICE
    )
    assert answer.status_code == 400


async def test_a_registered_account_accepts_only_its_registered_secret(seller: Seller) -> None:
    await seller.admin("POST", "/accounts", client_id="seller-1", client_secret="the-secret")
    assert (await seller.ask_for_token("right")).status_code == 401
    assert (await seller.ask_for_token("the-secret")).status_code == 200


async def test_closed_accounts_accept_only_registered_ones(clock: Clock) -> None:
    async with in_memory(create_app(now=clock, open_accounts=False)) as http:
        stranger = Seller(http, clock.ms)
        assert (await stranger.ask_for_token()).status_code == 401
        await stranger.admin("POST", "/accounts", client_id="seller-1", client_secret="right")
        assert (await stranger.ask_for_token()).status_code == 200


async def test_a_token_expires_and_a_new_one_does_not_end_an_earlier_one(
    seller: Seller, clock: Clock
) -> None:
    await seller.ready(1)
    await seller.ask_for_token()
    clock.ns += 899 * SECOND
    assert (await seller.get(READ)).status_code == 200
    clock.ns += SECOND
    answer = await seller.get(READ)
    assert answer.status_code == 401
    assert error(answer)["code"] == "UNAUTHORIZED.GMP_GATEWAY_API"
    await seller.sign_in()
    assert (await seller.get(READ)).status_code == 200


async def test_the_lifetime_of_tokens_can_be_set(clock: Clock) -> None:
    async with in_memory(create_app(now=clock, token_seconds=60)) as http:
        someone = Seller(http, clock.ms)
        await someone.sign_in()
        assert (await someone.ask_for_token()).json()["expires_in"] == 60
        clock.ns += 60 * SECOND
        assert (await someone.get("/v3/token/detail")).status_code == 401


async def test_moving_walmarts_clock_expires_tokens(seller: Seller) -> None:
    await seller.admin("POST", "/clock", advance_seconds=901)
    assert (await seller.get("/v3/token/detail")).status_code == 401


async def test_the_detail_of_a_token_states_its_lifetime_as_text_and_its_scopes(
    seller: Seller, clock: Clock
) -> None:
    detail = (await seller.get("/v3/token/detail")).json()
    assert detail["issued_at"] == str(clock.ms)
    assert detail["expire_at"] == str(clock.ms + 900_000)
    assert detail["is_valid"] is True
    assert detail["scopes"]["orders"] == "full_access"


async def test_a_bearer_token_is_not_an_access_token(seller: Seller) -> None:
    headers = {**SERVICE, "Authorization": f"Bearer {seller.token}"}
    answer = await seller.http.get(READ, headers=headers)
    assert answer.status_code == 401
    assert error(answer)["code"] == "UNAUTHORIZED.GMP_GATEWAY_API"


@pytest.mark.parametrize("missing", ["WM_QOS.CORRELATION_ID", "WM_SVC.NAME"])
@pytest.mark.parametrize("path", [READ, "/v3/orders", "/v3/orders/released", "/v3/token/detail"])
async def test_a_missing_header_is_named(seller: Seller, missing: str, path: str) -> None:
    headers = {name: value for name, value in seller.headers.items() if name != missing}
    answer = await seller.http.get(path, headers=headers)
    assert answer.status_code == 400
    assert error(answer)["field"] == missing


@pytest.mark.parametrize("operation", ["acknowledge", "shipping", "cancel"])
async def test_a_post_without_content_type_is_an_opaque_500(seller: Seller, operation: str) -> None:
    await seller.place(1)
    answer = await seller.http.post(f"{READ}/{operation}", headers=seller.headers)
    assert answer.status_code == 500
    assert error(answer)["code"] == "SYSTEM_ERROR.GMP_ORDER_API"
    assert await seller.ledger() == []


async def test_sellers_do_not_see_each_others_orders(seller: Seller) -> None:
    await seller.ready(1)
    other = Seller(seller.http, seller.now, "seller-2")
    await other.sign_in()
    assert (await other.get(READ)).status_code == 404
    assert (await other.cancel()).status_code == 404
    assert (await other.get("/v3/orders")).status_code == 404


async def test_an_unknown_address_or_method_differs_from_an_unknown_order(
    seller: Seller,
) -> None:
    wrong = await seller.post("hold")
    assert (wrong.status_code, error(wrong)["code"]) == (404, "URI_NOT_FOUND.GMP_ORDER_API")
    method = await seller.http.delete(READ)
    assert (method.status_code, error(method)["code"]) == (
        405,
        "METHOD_NOT_ALLOWED.GMP_ORDER_API",
    )


def throttling(answer: httpx.Response) -> tuple[int, int]:
    return (
        int(answer.headers["x-current-token-count"]),
        int(answer.headers["x-next-replenish-time"]),
    )


async def test_every_business_answer_has_throttling_headers_and_no_limit_by_default(
    seller: Seller, clock: Clock
) -> None:
    await seller.ready(1)
    for answer in (await seller.get(READ), await seller.cancel(), await seller.get("/v3/orders")):
        count, at = throttling(answer)
        assert count > 1000
        assert at == clock.ms


async def test_an_empty_bucket_refuses_until_it_is_refilled(seller: Seller, clock: Clock) -> None:
    await seller.ready(1)
    await seller.admin("POST", "/rates", operation="read", capacity=2, refill_per_second=0.5)
    assert throttling(await seller.get(READ))[0] == 1
    assert throttling(await seller.get(READ))[0] == 0
    answer = await seller.get(READ)
    assert answer.status_code == 429
    assert error(answer)["code"] == "REQUEST_THRESHOLD_VIOLATED.GMP_GATEWAY_API"
    assert throttling(answer) == (0, clock.ms + 2000)
    clock.ns += SECOND
    assert throttling(await seller.get(READ)) == (0, clock.ms + 1000)
    clock.ns += SECOND
    assert (await seller.get(READ)).status_code == 200
    assert (await seller.get(READ)).status_code == 429


async def test_buckets_are_per_seller_and_endpoint(seller: Seller) -> None:
    await seller.ready(1)
    await seller.admin("POST", "/rates", operation="*", capacity=1, refill_per_second=0)
    other = Seller(seller.http, seller.now, "seller-2")
    await other.sign_in()
    assert (await seller.get(READ)).status_code == 200
    assert (await seller.get(READ)).status_code == 429
    assert (await seller.get("/v3/orders")).status_code == 200
    assert (await other.get(READ)).status_code == 404
    await seller.http.delete("/simulator/rates")
    assert (await seller.get(READ)).status_code == 200


async def test_a_rate_may_apply_to_one_seller(seller: Seller) -> None:
    rate = {"operation": "list", "capacity": 0, "refill_per_second": 1, "client_id": "seller-2"}
    await seller.admin("POST", "/rates", **rate)
    other = Seller(seller.http, seller.now, "seller-2")
    await other.sign_in()
    assert (await seller.get("/v3/orders")).status_code == 404
    assert (await other.get("/v3/orders")).status_code == 429


@pytest.mark.parametrize(
    "changes",
    [{"capacity": -1}, {"refill_per_second": -1}, {"capacity": "x"}, {"operation": "fly"},
     {"client_id": 3}],
)  # fmt: skip
async def test_an_invalid_rate_is_refused(seller: Seller, changes: dict[str, object]) -> None:
    rate = {"operation": "read", "capacity": 1, "refill_per_second": 1, **changes}
    assert (await seller.admin("POST", "/rates", **rate)).status_code == 400


async def test_the_token_is_safe_in_a_header(seller: Seller) -> None:
    assert re.fullmatch(r"[\x21-\x7e]+", seller.token)


@pytest.mark.parametrize("market", ["ca", "CA", "us"])
async def test_a_market_may_come_without_a_version(seller: Seller, market: str) -> None:
    account = seller.client_id if market == "us" else f"{seller.client_id}@ca"
    await seller.ready(1, client_id=account)
    headers = {**seller.headers, "WM_MARKET": market}
    assert (await seller.http.get(READ, headers=headers)).status_code == 200
    for wrong in ({"WM_MARKET": "xx"}, {"WM_MARKET": market, "WM_GLOBAL_VERSION": "1"}):
        answer = await seller.http.get(READ, headers={**seller.headers, **wrong})
        assert error(answer)["code"] == "INVALID_REQUEST_HEADER.GMP_ORDER_API"


EVENT = {
    "eventType": "ORDER_UPDATES",
    "eventVersion": "V1",
    "resourceName": "ORDER",
    "eventUrl": "https://shop.example/hook",
}


@pytest.mark.parametrize(
    ("auth", "status"),
    [
        ({}, 200),
        ({"authDetails": None}, 200),
        ({"authDetails": {}}, 200),
        ({"authDetails": {"authMethod": "BASIC_AUTH", "userName": "u", "password": "p"}}, 200),
        ({"authDetails": {"authMethod": "HMAC", "clientSecret": "s"}}, 200),
        ({"authDetails": {"authMethod": "HMAC"}}, 400),
        ({"authDetails": {"authMethod": "OAUTH"}}, 400),
        ({"authDetails": "HMAC"}, 400),
    ],
)
async def test_a_subscription_needs_no_credentials(
    seller: Seller, auth: dict[str, object], status: int
) -> None:
    answer = await seller.http.post(
        "/v3/webhooks/subscriptions", json={"events": [{**EVENT, **auth}]}, headers=seller.headers
    )
    assert answer.status_code == status
