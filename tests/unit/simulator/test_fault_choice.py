"""Which calls a fault applies to, how often and how likely, and which faults are refused."""

from typing import Any

import pytest

from app.simulator.app import create_app
from tests.unit.simulator.seller import PO, Clock, Seller, in_memory

READ = f"/v3/orders/{PO}"


async def test_a_fault_applies_once_by_default(seller: Seller) -> None:
    await seller.ready(1)
    await seller.fault("read", "error")
    assert [(await seller.get(READ)).status_code for _ in range(2)] == [500, 200]
    await seller.fault("read", "error", times=2)
    assert [(await seller.get(READ)).status_code for _ in range(3)] == [500, 500, 200]


async def test_a_permanent_fault_lasts_until_it_is_removed(seller: Seller) -> None:
    await seller.ready(1)
    number = await seller.fault("read", "error", times=None)
    assert [(await seller.get(READ)).status_code for _ in range(5)] == [500] * 5
    listed = (await seller.http.get("/simulator/faults")).json()["faults"]
    assert [(f["id"], f["kind"], f["times"]) for f in listed] == [(number, "error", None)]
    assert (await seller.http.delete(f"/simulator/faults/{number}")).status_code == 204
    assert (await seller.http.delete(f"/simulator/faults/{number}")).status_code == 404
    assert (await seller.get(READ)).status_code == 200


async def test_all_faults_are_removed_at_once(seller: Seller) -> None:
    await seller.ready(1)
    await seller.fault("read", "error", times=None)
    await seller.fault("read", "locked", times=None)
    await seller.http.delete("/simulator/faults")
    assert (await seller.get(READ)).status_code == 200


async def test_a_fault_may_apply_to_one_order_or_one_seller(seller: Seller) -> None:
    await seller.ready(1)
    await seller.ready(1, purchase_order_id="2")
    await seller.fault("read", "error", purchase_order_id="2", times=None)
    await seller.fault("read", "error", client_id="seller-2", times=None)
    assert (await seller.get(READ)).status_code == 200
    assert (await seller.get("/v3/orders/2")).status_code == 500


async def outcomes(seed: int) -> list[int]:
    clock = Clock()
    async with in_memory(create_app(now=clock, seed=seed)) as http:
        seller = Seller(http, clock.ms)
        await seller.sign_in()
        await seller.ready(1)
        await seller.fault("read", "error", times=None, probability=0.5)
        return [(await seller.get(READ)).status_code for _ in range(40)]


async def test_a_probability_is_repeatable_by_its_seed() -> None:
    first = await outcomes(1)
    assert set(first) == {200, 500}
    assert first == await outcomes(1)
    assert first != await outcomes(2)


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "explode"},
        {},
        {"kind": "error", "operation": "fly"},
        {"kind": "error", "times": 0},
        {"kind": "error", "times": "2"},
        {"kind": "error", "status": 200},
        {"kind": "error", "probability": "often"},
        {"kind": "error", "probability": 1.1},
        {"kind": "slow", "delay": -1},
        {"kind": "slow", "delay": True},
        {"kind": "refuse", "description": 3},
        {"kind": "lag", "changes": 0},
        {"kind": "lag", "changes": "all"},
        {"kind": "error", "id": 1, "colour": "red"},
    ],
)
async def test_an_invalid_fault_is_refused(seller: Seller, wanted: dict[str, Any]) -> None:
    answer = await seller.admin("POST", "/faults", **wanted)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert (await seller.http.get("/simulator/faults")).json() == {"faults": []}


async def test_a_call_refused_by_the_gateway_uses_up_no_fault(seller: Seller) -> None:
    await seller.ready(1)
    await seller.fault("read", "error")
    assert (await Seller(seller.http, seller.now).get(READ)).status_code == 401
    await seller.admin("POST", "/rates", operation="read", capacity=0, refill_per_second=1)
    assert (await seller.get(READ)).status_code == 429
    await seller.http.delete("/simulator/rates")
    assert (await seller.get(READ)).status_code == 500
