"""Each kind of fault that produces an answer."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from app.simulator.faults import KINDS
from tests.unit.simulator.seller import (
    PO,
    SECOND,
    Clock,
    Seller,
    canceled,
    error,
    line,
)

READ = f"/v3/orders/{PO}"
# The answer of each fault, and whether the shipment takes effect.
ANSWERS = [
    ("refuse", 400, "INVALID_REQUEST_CONTENT.GMP_ORDER_API", False),
    ("throttle", 429, "REQUEST_THRESHOLD_VIOLATED.GMP_GATEWAY_API", False),
    ("error", 500, "SYSTEM_ERROR.GMP_ORDER_API", False),
    ("error_after", 500, "SYSTEM_ERROR.GMP_ORDER_API", True),
    ("expired_token", 401, "UNAUTHORIZED.GMP_GATEWAY_API", False),
    ("locked", 423, "RESOURCE_IS_LOCKED.GMP_RECEIVER_API", False),
    ("outage", 400, "INVALID_REQUEST.GMP_ORDER_API", False),
]


async def shipped(seller: Seller, number: str = "1ZA") -> httpx.Response:
    return await seller.ship(line("1", seller.package(number)))


@pytest.mark.parametrize(("kind", "status", "code", "applied"), ANSWERS)
async def test_a_fault_answers_in_walmarts_format_and_applies_or_not(
    seller: Seller, kind: str, status: int, code: str, applied: bool
) -> None:
    await seller.ready(2)
    await seller.fault("shipping", kind)
    answer = await shipped(seller)
    assert (answer.status_code, error(answer)["code"]) == (status, code)
    assert len(await seller.ledger()) == applied
    (call,) = await seller.calls(operation="shipping")
    assert (call["status"], call["fault"]) == (status, kind)
    assert (await shipped(seller, "1ZB")).status_code == 200


@pytest.mark.parametrize(("kind", "applied"), [("html", False), ("html_after", True)])
async def test_a_fault_can_answer_html_instead_of_json(
    seller: Seller, kind: str, applied: bool
) -> None:
    await seller.ready(1)
    await seller.fault("shipping", kind)
    answer = await shipped(seller)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert len(await seller.ledger()) == applied


async def test_a_truncated_answer_is_half_the_json_and_has_the_whole_effect(seller: Seller) -> None:
    await seller.ready(1)
    await seller.fault("shipping", "cut")
    answer = await shipped(seller)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()
    assert await seller.believed() == [[("Shipped", 1, "1ZA")]]


async def test_an_unshown_change_takes_effect_and_the_answer_omits_it(seller: Seller) -> None:
    await seller.ready(1)
    await seller.fault("shipping", "unshown")
    (shown,) = (await shipped(seller)).json()["order"]["orderLines"]["orderLine"]
    assert [s["status"] for s in shown["orderLineStatuses"]["orderLineStatus"]] == ["Acknowledged"]
    assert await seller.believed() == [[("Shipped", 1, "1ZA")]]


async def test_a_slow_answer_is_delayed_by_the_given_time(seller: Seller, clock: Clock) -> None:
    await seller.ready(1)
    await seller.fault("shipping", "slow", delay=2.5)
    assert (await shipped(seller)).status_code == 200
    assert clock.slept == [2.5]
    assert len(await seller.ledger()) == 1


async def test_a_refusal_carries_the_given_text(seller: Seller) -> None:
    await seller.ready(1)
    words = {"code": "INVALID_REQUEST_PARAM.GMP_ORDER_API", "field": "methodCode",
             "description": "Method code is not supported in line number 1"}  # fmt: skip
    await seller.fault("shipping", "refuse", status=422, **words)
    answer = await shipped(seller)
    assert answer.status_code == 422
    assert words.items() <= error(answer).items()


@pytest.mark.parametrize("status", [500, 503, 504, 520])
@pytest.mark.parametrize(("kind", "applied"), [("error", False), ("error_after", True)])
async def test_an_error_can_have_any_status(
    seller: Seller, kind: str, status: int, applied: bool
) -> None:
    await seller.ready(1)
    await seller.fault("*", kind, status=status)
    assert (await shipped(seller)).status_code == status
    assert len(await seller.ledger()) == applied


async def test_a_throttled_call_says_when_to_retry(seller: Seller, clock: Clock) -> None:
    await seller.fault("list", "throttle", delay=30)
    answer = await seller.get("/v3/orders")
    assert answer.headers["x-current-token-count"] == "0"
    assert answer.headers["x-next-replenish-time"] == str(clock.ms + 30_000)


async def test_an_expired_token_can_be_a_400(seller: Seller) -> None:
    await seller.fault("read", "expired_token", status=400)
    answer = await seller.get(READ)
    assert (answer.status_code, error(answer)["code"]) == (400, "INVALID_TOKEN.GMP_GATEWAY_API")


async def test_the_outage_has_its_own_shape_unlike_a_refusal(seller: Seller) -> None:
    await seller.fault("read", "outage")
    found = error(await seller.get(READ))
    assert (found["field"], found["description"], found["causes"]) == (
        "data",
        "Invalid Request",
        [],
    )


async def test_wrong_keys_can_be_answered_by_an_empty_400(seller: Seller) -> None:
    await seller.fault("token", "refuse")
    answer = await seller.ask_for_token()
    assert (answer.status_code, answer.text) == (400, "Bad Request")


Asked = Callable[[Seller], Awaitable[httpx.Response]]
OPERATIONS: dict[str, Asked] = {
    "token": lambda seller: seller.ask_for_token(),
    "token_detail": lambda seller: seller.get("/v3/token/detail"),
    "list": lambda seller: seller.get("/v3/orders"),
    "released": lambda seller: seller.get("/v3/orders/released"),
    "read": lambda seller: seller.get(READ),
    "acknowledge": lambda seller: seller.post("acknowledge"),
    "shipping": lambda seller: seller.ship(line("2", seller.package("1ZA"))),
    "cancel": lambda seller: seller.cancel(line("2", canceled(1))),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("kind", ["error", "error_after", "html_after", "cut"])
async def test_a_fault_applies_to_its_operation_only_and_every_operation_has_faults(
    seller: Seller, operation: str, kind: str
) -> None:
    await seller.place(1, 1, purchase_order_id="created")
    await seller.ready(1, 1)
    await seller.fault(operation, kind, times=None)
    for name, ask in OPERATIONS.items():
        answer = await ask(seller)
        whole = answer.status_code < 500 and "json" in answer.headers["content-type"]
        whole = whole and answer.text.endswith("}")
        assert whole == (name != operation), name
        if name == "shipping" and operation != "shipping":
            await seller.admin("POST", "/reset")
            await seller.place(1, 1, purchase_order_id="created")
            await seller.ready(1, 1)
            await seller.fault(operation, kind, times=None)


def test_every_kind_of_fault_declares_whether_it_takes_effect() -> None:
    for kind, text in KINDS.items():
        assert "effect" in text or kind == "slow"


async def test_a_token_granted_behind_an_error_is_valid(seller: Seller, clock: Clock) -> None:
    clock.ns += SECOND
    await seller.fault("token", "slow", delay=1)
    assert (await seller.ask_for_token()).status_code == 200
