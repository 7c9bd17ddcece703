"""People act while an answer is missing, reads lag or rows are locked, with real processes."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.storage.postgres.dsn import asyncpg_arguments
from tests.acceptance.judge import Verdict, at_rest, judge, passed, updates_of, watched, write_row
from tests.forked import deployed
from tests.processes import (
    Deployment,
    Processes,
    a_store,
    an_order,
    faketime_library,
    ledger,
    simulator,
    until,
)
from tests.tls import TLS

PO = "179633100000"
UPS = {"carrier_code": "ups"}
# Long enough that a person in these tests has acted before a doubt ends.
SOON = {"WAYBILL_QUIET_PERIOD": "8"}


PROCESSES = Processes(pollers=1, settings=SOON)


def shipped(
    client: httpx.Client, order: dict[str, Any], number: str, *items: tuple[str, int]
) -> httpx.Response:
    body: dict[str, Any] = {**UPS, "tracking_number": number}
    if items:
        body["items"] = [{"line_number": line, "quantity": units} for line, units in items]
    return client.post(f"/v1/orders/{order['id']}/shipments", json=body)


def update_of(answer: httpx.Response) -> str:
    assert answer.status_code == 202, answer.text
    return str(answer.json()["update"]["id"])


def in_state(client: httpx.Client, update: str, state: str) -> None:
    path = f"/v1/updates/{update}"
    until(lambda: client.get(path).json()["state"] == state)


def order_of(client: httpx.Client, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/orders/{order['id']}").raise_for_status().json()
    return found


def lost_in_doubt(client: httpx.Client, answer: httpx.Response) -> str:
    """The update of a write that Walmart holds back, dismissed by a person."""
    update = update_of(answer)
    in_state(client, update, "verifying")
    dismissed = client.post(f"/v1/updates/{update}/dismiss", json={"note": "settled by hand"})
    assert dismissed.status_code == 200, dismissed.text
    assert dismissed.json()["walmart"] == "in_doubt"
    return update


def conflicts(answer: httpx.Response, update: str) -> None:
    """The request is refused, and the answer names the update that prevents it and until when."""
    assert answer.status_code == 409, answer.text
    assert update in answer.text
    assert "may still take effect; a read at 20" in answer.text


def clean(verdict: Verdict, fault: str, what: str) -> None:
    write_row(fault, what, verdict)
    assert verdict.clean, passed(verdict)


@pytest.mark.parametrize("clock", ["", "+600s"])
def test_a_shipment_in_doubt_is_dismissed_and_shipped_again(
    fresh_url: str, tmp_path: Path, clock: str
) -> None:
    with deployed(fresh_url, tmp_path, pollers=1, **SOON) as deployment:
        if clock:
            preload = {"LD_PRELOAD": faketime_library(), "DONT_FAKE_MONOTONIC": "1"}
            port = deployment.api.rsplit(":", 1)[1]
            deployment.stop("api")
            words = ("serve", "--no-poller", "--port", port)
            deployment.start("api", *words, FAKETIME=clock, **preload)
            deployment.wait_for(f"{deployment.api}/readyz", "api")
        with deployment.client() as client:
            order = an_order(deployment, client, a_store(client), f"{PO}1", 2)
            simulator(deployment, "faults", operation="shipping", kind="held")
            with watched(deployment, [order["id"]]) as seen:
                update = lost_in_doubt(client, shipped(client, order, "1ZA"))
                client.post(f"/v1/orders/{order['id']}/refresh", json={}).raise_for_status()
                conflicts(shipped(client, order, "1ZA"), update)
                simulator(deployment, "held")
                until(lambda: order_of(client, order)["fulfillment_status"] == "shipped")
                again = shipped(client, order, "1ZB", ("1", 2))
                assert again.status_code in {409, 422}, again.text
            verdict = judge(deployment, client, 1)
        verdict.misreported += seen.misreported
        if len(ledger(deployment)) != 1:
            verdict.twice.append(str(ledger(deployment)))
        ahead = ", with the API's clock 10 minutes ahead" if clock else ""
        clean(
            verdict,
            f"a shipment in doubt is dismissed, read again and shipped again; then it lands{ahead}",
            "shipping again was 409 until Waybill had read; the order shows it shipped, once",
        )


def test_a_refund_in_doubt_is_dismissed_and_requested_again(fresh_url: str, tmp_path: Path) -> None:
    quick = {**SOON, "WAYBILL_IMPORT_INTERVAL": "1"}
    with deployed(fresh_url, tmp_path, pollers=1, **quick) as deployment:
        with deployment.client() as client:
            number = f"{PO}2"
            order = an_order(deployment, client, a_store(client), number, 2)
            simulator(deployment, f"orders/{number}/ship")
            client.post(f"/v1/orders/{order['id']}/refresh", json={}).raise_for_status()
            lines = [{"line_number": "1", "quantity": 2}]
            simulator(deployment, f"orders/{number}/return", lines=lines)
            (found,) = until(lambda: client.get("/v1/returns").json()["data"])
            path = f"/v1/returns/{found['id']}"
            one = {"items": [{"return_line_number": 1, "quantity": 1}]}
            simulator(deployment, "faults", operation="refund", kind="held")
            answer = client.post(f"{path}/refund", json=one)
            assert answer.status_code == 202, answer.text
            made = client.get(path).json()["refunds"][-1]["update"]["id"]
            in_state(client, made, "verifying")
            dismissed = client.post(f"/v1/updates/{made}/dismiss", json={"note": "by hand"})
            assert dismissed.json()["walmart"] == "in_doubt"
            conflicts(client.post(f"{path}/refund", json=one), made)
            simulator(deployment, "held")
            until(lambda: client.get(path).json()["items"][0]["refunded"] == 1)
            until(lambda: client.post(f"{path}/refund", json={}).status_code == 202)
            until(lambda: at_rest(client))
            refunded = client.get(path).json()["items"][0]["refunded"]
        paid = sum(e["quantity"] for e in ledger(deployment) if e["operation"] == "refund")
        verdict = Verdict(updates=2)
        if paid > 2:
            verdict.twice.append(f"{paid} units of 2 were paid")
        if refunded != paid:
            verdict.misreported.append(f"{refunded} refunded: {paid}")
        clean(
            verdict,
            "a refund in doubt is dismissed and asked for again; then it lands",
            "asking again was 409 refund_in_doubt until Waybill had read; then only the rest was paid",
        )


def test_an_older_stock_level_arrives_after_the_newest(fresh_url: str, tmp_path: Path) -> None:
    with deployed(fresh_url, tmp_path, pollers=1, **SOON) as deployment:
        _older_stock(deployment)


def _older_stock(deployment: Deployment) -> None:
    with deployment.client() as client:
        path = f"/v1/stores/{a_store(client)}/inventory"
        simulator(deployment, "faults", operation="inventory", kind="held")
        put = client.put(path, json={"items": [{"sku": "LAMP", "quantity": 50}]})
        assert put.status_code == 202, put.text
        until(lambda: stock(deployment) == [50])
        put = client.put(path, json={"items": [{"sku": "LAMP", "quantity": 2}]})
        assert put.status_code == 202, put.text
        until(lambda: stock(deployment) == [2])
        simulator(deployment, "held")
        until(lambda: at_rest(client))
        states = Counter(update["state"] for update in updates_of(client))
    verdict = Verdict(updates=2)
    if stock(deployment) != [2]:
        verdict.misreported.append(str(stock(deployment)))
    assert states["confirmed"] >= 1
    assert set(states) <= {"confirmed", "dismissed"}
    clean(
        verdict,
        "an older stock level lands after the newest",
        "the newest was sent at once, and again when the older one could no longer land",
    )


def stock(deployment: Deployment) -> list[int]:
    answer = httpx.get(f"{deployment.walmart}/simulator/stock", trust_env=False, verify=TLS)
    return [each["quantity"] for each in answer.raise_for_status().json()["stock"]]


def test_a_lagging_read_reverts_nothing(deployment: Deployment) -> None:
    with deployment.client() as client:
        order = an_order(deployment, client, a_store(client), f"{PO}4", 2)
        update = update_of(shipped(client, order, "1ZA", ("1", 1)))
        in_state(client, update, "confirmed")
        simulator(deployment, "faults", operation="read", kind="lag", changes=1, times=None)
        with watched(deployment, [order["id"]]) as seen:
            until(lambda: _differs(client, order))
            assert order_of(client, order)["lines"][0]["quantity"]["shipped"] == 1
            httpx.delete(f"{deployment.walmart}/simulator/faults", trust_env=False, verify=TLS)
            update_of(shipped(client, order, "1ZB", ("1", 1)))
            until(lambda: at_rest(client))
        after = order_of(client, order)
        assert (after["status"], after["status_details"]) == ("shipped", [])
        verdict = judge(deployment, client, 2)
    verdict.misreported += seen.misreported
    clean(
        verdict,
        "a read shows the order as it was before a shipment that Walmart had confirmed",
        "its units stayed shipped, the difference was shown, and ended with the next read",
    )


def _differs(client: httpx.Client, order: dict[str, Any]) -> bool:
    path = f"/v1/orders/{order['id']}"
    client.post(f"{path}/refresh", json={}).raise_for_status()
    entries = client.get(f"{path}/timeline").raise_for_status().json()["data"]
    return any(entry["what"] == "drift_found" for entry in entries)


def test_a_refused_shipment_does_not_take_the_units_of_an_equal_one(
    deployment: Deployment,
) -> None:
    with deployment.client() as client:
        order = an_order(deployment, client, a_store(client), f"{PO}5", 2)
        simulator(deployment, "faults", operation="shipping", kind="refuse")
        first = update_of(shipped(client, order, "1ZA", ("1", 1)))
        in_state(client, first, "failed")
        second = update_of(shipped(client, order, "1ZA", ("1", 1)))
        in_state(client, second, "confirmed")
        client.post(f"/v1/orders/{order['id']}/refresh", json={}).raise_for_status()
        assert client.get(f"/v1/updates/{first}").json()["state"] == "failed"
        verdict = judge(deployment, client, 2)
    sent = sum(entry["quantity"] for entry in ledger(deployment))
    if sent != 1:
        verdict.twice.append(f"{sent} units of 1ZA")
    clean(
        verdict,
        "Walmart refuses a shipment and takes an equal one of the same tracking number",
        "the second is confirmed and was sent once, the first stays failed",
    )


def test_an_order_with_more_lines_at_walmart_is_canceled_whole(deployment: Deployment) -> None:
    with deployment.client() as client:
        store, number = a_store(client), f"{PO}6"
        numbers = [str(n) for n in range(1, 251)]
        lines = [{"line_number": n, "sku": f"S{n}", "quantity": 1} for n in numbers]
        simulator(
            deployment,
            "orders",
            client_id="seller-1",
            purchase_order_id=number,
            lines=lines,
            status="Acknowledged",
        )
        body = {"store_id": store, "purchase_order_id": number, "lines": lines[:1]}
        made = client.post("/v1/orders", json=body)
        assert made.status_code == 201, made.text
        order = made.json()
        path = f"/v1/orders/{order['id']}/cancellation"
        update = update_of(client.post(path, json={"reason": "out_of_stock"}))
        in_state(client, update, "confirmed")
        assert order_of(client, order)["status"] == "canceled"
    effects = Counter(e["line"] for e in ledger(deployment) if e["operation"] == "cancel")
    verdict = Verdict(updates=1)
    verdict.lost += [number for number in numbers if not effects[number]]
    verdict.twice += [line for line, times in effects.items() if times > 1]
    clean(
        verdict,
        "an order of 250 lines, of which one was registered, is canceled",
        "all 250 lines were canceled once, in calls of at most 100",
    )


def test_units_canceled_by_walmart_do_not_prevent_the_rest_of_a_shipment(
    fresh_url: str, tmp_path: Path
) -> None:
    with deployed(fresh_url, tmp_path, pollers=0) as deployment, deployment.client() as client:
        order = an_order(deployment, client, a_store(client), f"{PO}7", 1, 2)
        update = update_of(shipped(client, order, "1ZA", ("1", 1), ("2", 2)))
        simulator(deployment, f"orders/{PO}7/cancel", lines=[{"line_number": "1", "quantity": 1}])
        deployment.start("poller", "poller")
        in_state(client, update, "failed")
        after = order_of(client, order)
        (detail,) = after["status_details"]
        assert (detail["code"], detail["line_number"]) == ("line_canceled", "1"), detail
        verdict = judge(deployment, client, 1)
        effects = [e for e in ledger(deployment) if e["operation"] == "shipping"]
    assert [(e["line"], e["quantity"]) for e in effects] == [("2", 2)]
    clean(
        verdict,
        "Walmart cancels one line of a shipment of two before it is sent",
        "the other line was confirmed; the update failed, with the line and what to do",
    )


def test_a_locked_row_does_not_delay_others(deployment: Deployment) -> None:
    with deployment.client() as client:
        stores = [a_store(client, f"seller-{n}", walmart=keys(n)) for n in (1, 2)]
        held, *others = [
            an_order(
                deployment, client, stores[n > 0], f"{PO}8{n}", 1, seller=f"seller-{1 + (n > 0)}"
            )
            for n in range(6)
        ]
        with watched(deployment, [order["id"] for order in [held, *others]]) as seen:
            asyncio.run(_while_held(deployment, client, held, others))
        until(lambda: at_rest(client))
        verdict = judge(deployment, client, 6)
    verdict.misreported += seen.misreported
    assert verdict.states == {"confirmed": 6}
    clean(
        verdict,
        "another transaction holds an order's row",
        "the results and requests of other orders went on; that order's were written afterwards",
    )


def keys(number: int) -> dict[str, str]:
    return {"client_id": f"seller-{number}", "client_secret": "right"}


# The answer for the locked order has arrived: a poller waits for its row, or did a moment ago.
_WAITED_FOR = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple'))
"""


async def _while_held(
    deployment: Deployment,
    client: httpx.Client,
    held: dict[str, Any],
    others: list[dict[str, Any]],
) -> None:
    simulator(deployment, "faults", operation="shipping", kind="slow", delay=1.0)
    await asyncio.to_thread(lambda: update_of(shipped(client, held, "1ZHELD")))
    until(lambda: ledger(deployment) or _under_way(deployment))
    arguments = asyncpg_arguments(deployment.environment["WAYBILL_DATABASE_URL"])
    connection = await asyncpg.connect(**arguments)
    try:
        async with connection.transaction():
            statement = "SELECT FROM orders WHERE id = $1::uuid FOR UPDATE"
            await connection.execute(statement, held["id"])
            while not await connection.fetchval(_WAITED_FOR):
                await asyncio.sleep(0.02)
            for number, order in enumerate(others):
                update = update_of(await asyncio.to_thread(shipped, client, order, f"1Z{number}"))
                await asyncio.to_thread(in_state, client, update, "confirmed")
            path = f"/v1/updates?order_id={held['id']}"
            (waiting,) = (await asyncio.to_thread(client.get, path)).json()["data"]
            assert waiting["state"] != "confirmed"
    finally:
        await connection.close()


def _under_way(deployment: Deployment) -> bool:
    answer = httpx.get(f"{deployment.walmart}/simulator/calls", trust_env=False, verify=TLS)
    return any(each["operation"] == "shipping" for each in answer.json()["calls"])
