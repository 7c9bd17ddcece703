"""The main job on a full deployment: processes, HTTP and a real database."""

import asyncio
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx

from tests.forked import deployed
from tests.processes import (
    Deployment,
    Processes,
    a_store,
    an_order,
    execute,
    free_port,
    ledger,
    until,
)
from tests.tls import TLS

PROCESSES = Processes(pollers=2)


def package(number: str, **changes: Any) -> dict[str, Any]:
    return {"carrier_code": "ups", "tracking_number": number, **changes}


def order_is(client: httpx.Client, order_id: str, status: str) -> dict[str, Any]:
    def asked() -> dict[str, Any] | None:
        order: dict[str, Any] = client.get(f"/v1/orders/{order_id}").json()
        return order if order["status"] == status else None

    found: dict[str, Any] = until(asked)
    return found


def test_an_order_ships_in_two_packages_and_another_is_canceled(deployment: Deployment) -> None:
    with deployment.client() as client:
        store = a_store(client)
        order = an_order(deployment, client, store, "1796330120075", 2, 1)
        ships = f"/v1/orders/{order['id']}/shipments"
        first = client.post(ships, json=package("1ZA", items=[{"line_number": "1", "quantity": 1}]))
        assert first.status_code == 202
        assert client.get(first.headers["Location"]).status_code == 200
        half = order_is(client, order["id"], "partially_shipped")
        assert half["lines"][0]["quantity"]["shipped"] == 1
        assert client.post(ships, json=package("1ZB")).status_code == 202
        order_is(client, order["id"], "shipped")

        other = an_order(deployment, client, store, "1796330120076", 1)
        canceled = client.post(
            f"/v1/orders/{other['id']}/cancellation", json={"reason": "out_of_stock"}
        )
        assert canceled.status_code == 202
        order_is(client, other["id"], "canceled")


def test_a_refusal_shows_its_reason_and_a_retry_confirms(deployment: Deployment) -> None:
    with deployment.client() as client:
        order = an_order(deployment, client, a_store(client), "1796330120077", 1)
        fault = {"operation": "shipping", "kind": "refuse", "times": 1, "field": "methodCode"}
        httpx.post(
            f"{deployment.walmart}/simulator/faults", json=fault, trust_env=False, verify=TLS
        )
        client.post(f"/v1/orders/{order['id']}/shipments", json=package("1ZA"))
        failed = order_is(client, order["id"], "error")
        (detail,) = failed["status_details"]
        assert detail["code"] == "method_code_not_supported"
        retried = client.post(f"/v1/updates/{detail['update_id']}/retry", json={})
        assert retried.status_code == 202
        order_is(client, order["id"], "shipped")
        update = client.get(f"/v1/updates/{detail['update_id']}").json()
        assert next(attempt["verdict"] for attempt in update["attempts"]) == "refused"


async def test_twenty_concurrent_clients_sell_the_last_unit_once(
    deployment: Deployment,
) -> None:
    with deployment.client() as client:
        order = an_order(deployment, client, a_store(client), "1796330120078", 1)
    async with deployment.async_client() as racers:

        async def race(number: int) -> httpx.Response:
            if number % 2:
                path = f"/v1/orders/{order['id']}/cancellation"
                return await racers.post(path, json={"reason": "fraud"})
            path = f"/v1/orders/{order['id']}/shipments"
            return await racers.post(path, json=package(f"1ZRACE{number}"))

        answers = await asyncio.gather(*(race(number) for number in range(20)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {202: 1, 409: 19}
    with deployment.client() as client:
        until(lambda: client.get(f"/v1/orders/{order['id']}").json()["sync"]["state"] == "synced")
    effects = [e for e in ledger(deployment) if e["operation"] in {"shipping", "cancel"}]
    assert len(effects) == 1


async def test_one_idempotency_key_sent_twenty_times_at_once_makes_one_shipment(
    deployment: Deployment,
) -> None:
    with deployment.client() as client:
        order = an_order(deployment, client, a_store(client), "1796330120079", 5)
    path = f"/v1/orders/{order['id']}/shipments"
    body = package("1ZONCE", items=[{"line_number": "1", "quantity": 1}])
    async with deployment.async_client() as callers:
        headers = {"Idempotency-Key": "the-same"}
        answers = await asyncio.gather(
            *(callers.post(path, json=body, headers=headers) for _ in range(20))
        )
        again = await callers.post(path, json=body, headers=headers)
        other = await callers.post(path, json={**body, "method_code": "Value"}, headers=headers)
    accepted = [answer for answer in answers if answer.status_code == 202]
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in accepted}) == 1
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.content == accepted[0].content
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    with deployment.client() as client:
        assert len(client.get(path).json()["data"]) == 1


async def test_two_pollers_deliver_three_hundred_updates_once_each_and_in_order(
    deployment: Deployment,
) -> None:
    with deployment.client() as client:
        store = a_store(client)
        orders = [
            an_order(deployment, client, store, str(1796330121000 + n), 3) for n in range(100)
        ]
    async with deployment.async_client() as commerce:

        async def ship_one_by_one(order: dict[str, Any]) -> None:
            for number in range(3):
                answer = await commerce.post(
                    f"/v1/orders/{order['id']}/shipments",
                    json=package(
                        f"1Z{order['purchase_order_id']}N{number}",
                        items=[{"line_number": "1", "quantity": 1}],
                    ),
                )
                assert answer.status_code == 202, answer.text

        await asyncio.gather(*(ship_one_by_one(order) for order in orders))
    with deployment.client() as client:
        until(lambda: client.get("/v1/orders/summary").json()["shipped"] == 100)
    effects = [entry for entry in ledger(deployment) if entry["operation"] == "shipping"]
    assert len(effects) == 300
    assert len({entry["tracking_number"] for entry in effects}) == 300
    by_order = defaultdict(list)
    for entry in effects:
        by_order[entry["purchase_order_id"]].append(entry["tracking_number"][-1])
    assert set(map("".join, by_order.values())) == {"012"}


def test_a_stopping_poller_finishes_its_claims(fresh_url: str, tmp_path: Path) -> None:
    with deployed(fresh_url, tmp_path, pollers=2) as deployment, deployment.client() as client:
        order = an_order(deployment, client, a_store(client), "1796330120080", 1)
        assert deployment.stop("poller-1") == 0
        slow = {"operation": "shipping", "kind": "slow", "delay": 1, "times": 1}
        httpx.post(f"{deployment.walmart}/simulator/faults", json=slow, trust_env=False, verify=TLS)
        client.post(f"/v1/orders/{order['id']}/shipments", json=package("1ZSLOW"))
        until(lambda: client.get("/v1/updates?state=sending").json()["data"])
        assert deployment.stop("poller-0") == 0
        assert client.get(f"/v1/orders/{order['id']}").json()["status"] == "shipped"


def test_updates_sent_by_a_killed_poller_are_not_sent_again(fresh_url: str, tmp_path: Path) -> None:
    with deployed(fresh_url, tmp_path, pollers=1) as deployment:
        with deployment.client() as client:
            order = an_order(deployment, client, a_store(client), "1796330120081", 1)
            fault = {"operation": "shipping", "kind": "timeout_after", "times": 1}
            httpx.post(
                f"{deployment.walmart}/simulator/faults", json=fault, trust_env=False, verify=TLS
            )
            client.post(f"/v1/orders/{order['id']}/shipments", json=package("1ZKILL"))
            until(lambda: ledger(deployment))
            deployment.kill("poller-0")
            # The lease ends by the database's clock: it is ended here instead of waited for.
            ended = "UPDATE updates SET leased_until = now() WHERE state = 'sending'"
            asyncio.run(execute(fresh_url, ended))
            deployment.start("poller-1", "poller")
            order_is(client, order["id"], "shipped")
        assert len([e for e in ledger(deployment) if e["operation"] == "shipping"]) == 1


def test_a_stopping_server_drains_the_poller_inside_it(fresh_url: str, tmp_path: Path) -> None:
    with deployed(fresh_url, tmp_path, pollers=0) as deployment:
        port = str(free_port())
        deployment.start("both", "serve", "--port", port)
        deployment.wait_for(f"http://127.0.0.1:{port}/readyz", "both")
        with deployment.client() as client:
            order = an_order(deployment, client, a_store(client), "1796330120082", 1)
            slow = {"operation": "shipping", "kind": "slow", "delay": 1, "times": 1}
            httpx.post(
                f"{deployment.walmart}/simulator/faults", json=slow, trust_env=False, verify=TLS
            )
            client.post(f"/v1/orders/{order['id']}/shipments", json=package("1ZDRAIN"))
            until(lambda: client.get("/v1/updates?state=sending").json()["data"])
            assert deployment.stop("both") == 0
            assert client.get(f"/v1/orders/{order['id']}").json()["status"] == "shipped"
