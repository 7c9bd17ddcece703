"""The connector to Commerce with real processes: a poller killed in the middle, and the doctor."""

import asyncio
from typing import Any

import httpx

from tests.processes import (
    Deployment,
    Processes,
    a_store,
    an_order,
    calls,
    execute,
    ledger,
    simulator,
    until,
)

PROCESSES = Processes()


def connected(deployment: Deployment, client: httpx.Client, **commerce: Any) -> str:
    side = {
        "base_url": deployment.walmart,
        "access_token": "token",
        "push_orders": True,
        **commerce,
    }
    return a_store(client, code="main", commerce=side)


def made(deployment: Deployment) -> int:
    return sum(entry["operation"] == "commerce_order" for entry in ledger(deployment))


def test_a_poller_killed_while_commerce_creates_an_order_leaves_one_order(
    deployment: Deployment,
) -> None:
    with deployment.client() as client:
        store = connected(deployment, client)
        order = an_order(deployment, client, store, "1796330900001", 1)
        # It searches for the order and reads the store views; then Commerce creates it without an answer.
        simulator(deployment, "faults", operation="commerce_orders", kind="slow", delay=0, times=2)
        simulator(deployment, "faults", operation="commerce_orders", kind="timeout_after")
        deployment.start("victim", "poller")
        until(lambda: made(deployment) == 1)
        deployment.kill("victim")
        # Its lease is ended instead of waited for.
        ended = "UPDATE updates SET leased_until = now() WHERE state = 'sending'"
        asyncio.run(execute(deployment.database_url, ended))
        deployment.start("successor", "poller")
        path = f"/v1/orders/{order['id']}"
        until(lambda: client.get(path).json()["commerce_order_id"] is not None, patience=60)
        assert made(deployment) == 1
        (update,) = client.get(
            "/v1/updates", params={"order_id": order["id"], "kind": "commerce_order"}
        ).json()["data"]
        assert (update["target"], update["state"]) == ("commerce", "confirmed")
        # The second poller read Commerce, and sent nothing.
        assert len(calls(deployment, "commerce_orders")) == 4


def test_the_doctor_checks_commerce_too(deployment: Deployment) -> None:
    with deployment.client() as client:
        store = connected(deployment, client)
        assert "its Commerce has the store view" in deployment.run("doctor").stdout
        wrong = {"commerce": {"access_token": "wrong"}}
        assert client.patch(f"/v1/stores/{store}", json=wrong).status_code == 200
        result = deployment.run("doctor")
        assert result.returncode == 1
        assert "its Commerce cannot be used" in result.stdout
        assert "isn't authorized" in result.stdout
