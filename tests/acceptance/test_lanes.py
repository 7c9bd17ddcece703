"""Rate limits by lane: no lane is overrun, and stores are isolated from each other's failures."""

import httpx

from tests.processes import (
    Deployment,
    Processes,
    a_store,
    calls,
    shipped_orders,
    simulator,
    until,
)

SHIPPING = "shipping"
POLLERS = ("poller-0", "poller-1")


# Orders and updates exist before the pollers start, so that all of them are due at once;
# none is old enough to be read before it is sent.
PROCESSES = Processes(settings={"WAYBILL_QUIET_PERIOD": "120"})


def all_shipped(client: httpx.Client, orders: list[str]) -> bool:
    summary = client.get("/v1/orders/summary").json()
    return bool(summary["shipped"] >= len(orders))


def test_two_pollers_keep_to_a_bucket_of_ten_calls_in_two_seconds(deployment: Deployment) -> None:
    with deployment.client() as client:
        store = a_store(client)
        orders = shipped_orders(deployment, client, store, "seller-1", 60, 1_796_330_200_000)
        simulator(deployment, "rates", operation=SHIPPING, capacity=10, refill_per_second=5)
        for name in POLLERS:
            deployment.start(name, "poller")
        until(lambda: all_shipped(client, orders))
    refused = [call for call in calls(deployment, SHIPPING) if call["status"] == 429]
    assert len(refused) <= 6, f"{len(refused)} calls were refused"
    assert len(calls(deployment, SHIPPING)) - len(refused) == 60


def test_a_failing_store_does_not_slow_the_others(deployment: Deployment) -> None:
    """One store with wrong keys, one with hanging calls, one that works."""
    with deployment.client() as client:
        orders: dict[str, list[str]] = {}
        stores: dict[str, str] = {}
        for number, seller in enumerate(("rejected", "hanging", "healthy")):
            walmart = {"client_id": seller, "client_secret": "right"}
            stores[seller] = a_store(client, seller, walmart=walmart)
            orders[seller] = shipped_orders(
                deployment, client, stores[seller], seller, 20, 1_796_330_300_000 + 100 * number
            )
        for operation, kind, seller in (
            ("token", "expired_token", "rejected"),
            ("*", "expired_token", "rejected"),
            (SHIPPING, "timeout", "hanging"),
        ):
            simulator(
                deployment, "faults", operation=operation, kind=kind, client_id=seller, times=None
            )
        imported = len(calls(deployment))
        for name in POLLERS:
            deployment.start(name, "poller")
        until(lambda: all_shipped(client, orders["healthy"]))
        until(lambda: second_try(deployment, "hanging", imported) is not None)
        rejected = client.get(f"/v1/stores/{stores['rejected']}").json()
        waiting = client.get(f"/v1/orders/{orders['rejected'][-1]}").json()
    healthy = [each["sequence"] for each in calls(deployment) if each["client_id"] == "healthy"]
    assert max(healthy) < (second_try(deployment, "hanging", imported) or 0)
    assert [each["code"] for each in rejected["status_details"]] == ["credentials_rejected"]
    # No order of the store is in error; each says what it waits for.
    assert (waiting["status"], waiting["sync"]["state"]) == ("open", "pending")
    assert [each["code"] for each in waiting["status_details"]] == ["credentials_rejected"]
    logs = "".join(deployment.log(name) for name in POLLERS)
    alerts = [line for line in logs.splitlines() if "credentials_rejected" in line]
    assert len([line for line in alerts if "lane_stopped" in line]) == 1


def second_try(deployment: Deployment, seller: str, first: int) -> int | None:
    """The time of the pollers' second call for an order of the seller."""
    seen: set[str] = set()
    for each in calls(deployment)[first:]:
        if each["client_id"] == seller and each["purchase_order_id"]:
            if each["purchase_order_id"] in seen:
                return int(each["sequence"])
            seen.add(each["purchase_order_id"])
    return None
