"""One fix for all cases of a cause, over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from app.domain import attention
from app.domain.update import State
from app.storage import jobs, queries
from app.storage.queries.views import OrderView
from app.usecases.imports import reconcile
from app.usecases.stores.map_carriers import with_address
from tests.harness.world import World
from tests.integration.test_returns import arrived, refunds, returned, returns
from tests.integration.web.adobe import CANCEL, a_track, changed, hook, linked, side
from tests.integration.web.conftest import client_of
from tests.integration.web.test_audit import key_of
from tests.integration.web.test_jobs import failed_shipments, finished

USPS, USPS_TOO = "9400111899223344556677", "9400111899560001234500"
ADDRESS = "https://acme.example/t/{tracking_number}"


async def causes(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/v1/attention")
    assert answer.is_success, answer.text
    return list(answer.json()["data"])


async def fixed(client: httpx.AsyncClient, group: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = await client.post(group["fix"]["url"], json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def refused_in_commerce(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    numbers: range,
    **track: str,
) -> list[OrderView]:
    """Orders with a shipment of Commerce whose carrier needs an address."""
    made = []
    for number in numbers:
        order = await world.an_order(1)
        lines = [{"line_number": "1", "commerce_item_id": 700 + number}]
        link = {"commerce_order_id": 100 + number, "lines": lines}
        assert (await client.patch(f"/v1/orders/{order.id}", json=link)).is_success
        if not number:
            await side(client)
        sent = changed(
            entity_id=str(500 + number),
            order_id=str(100 + number),
            items=[{"order_item_id": str(700 + number), "qty": "1.0000"}],
            tracks=[a_track(f"ACME{number:04}", carrier="custom") | {"title": "Acme"} | track],
        )
        await hook(outside, "shipment", sent)
        made.append(order)
    return made


async def a_failed_shipment(
    world: World, client: httpx.AsyncClient, fault: dict[str, str], **package: str
) -> tuple[OrderView, UUID]:
    order = await world.an_order(1)
    await world.fault("shipping", "refuse", **fault)
    body = {"carrier_code": "ups", "tracking_number": "1Z999AA10123456784", **package}
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
    update_id = UUID(answer.json()["update"]["id"])
    await world.deliver_until(update_id, states={State.FAILED})
    return order, update_id


@pytest.mark.usefixtures("adobe")
async def test_an_address_given_once_sends_all_shipments_of_a_carrier_and_all_later_ones(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    orders = await refused_in_commerce(world, client, outside, range(3))
    (group,) = await causes(client)
    assert (group["code"], group["value"], group["count"]) == ("tracking_url_required", "Acme", 3)
    assert group["fix"]["needs"] == ["tracking_url"]
    done = await fixed(client, group, tracking_url=ADDRESS)
    assert done["totals"] == {"queued": 3}
    views = [await world.order(order.id) for order in orders]
    await world.deliver_until(*(view.shipments[0].update.id for view in views))
    for number, order in enumerate(orders):
        view = await world.order(order.id)
        assert (view.status, view.shipments[0].state) == ("shipped", "confirmed")
        sent = view.shipments[0].walmart_carrier
        assert (sent["other"], view.shipments[0].tracking_number) == ("Acme", f"ACME{number:04}")
    assert await causes(client) == []
    (store,) = (await client.get("/v1/stores")).json()["data"]
    assert store["carriers"] == {"Acme": {"other": "Acme", "tracking_url": ADDRESS}}
    # Commerce's code of every carrier that it does not know is the same: others are not Acme.
    (other,) = await refused_in_commerce(world, client, outside, range(3, 4), title="Other")
    assert [each["value"] for each in await causes(client)] == ["Other"]
    assert (await world.order(other.id)).shipments == ()


async def test_an_address_goes_into_each_shipment_that_walmart_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    fault = {"field": "trackingURL"}
    package = {"carrier_code": "acme", "carrier_title": "Acme"}
    first = {**package, "tracking_url": "https://acme.example"}
    made = [
        await a_failed_shipment(world, client, fault, **first, tracking_number=number)
        for number in ("AC1", "AC2")
    ]
    (group,) = await causes(client)
    assert (group["code"], group["value"], group["count"]) == ("tracking_url_required", "Acme", 2)
    assert (await fixed(client, group, tracking_url=ADDRESS))["totals"] == {"queued": 2}
    await world.deliver_until(*(update_id for _, update_id in made))
    for (order, _), number in zip(made, ("AC1", "AC2"), strict=True):
        (shipment,) = (await world.order(order.id)).shipments
        url = f"https://acme.example/t/{number}"
        assert (shipment.state, shipment.tracking_url) == ("confirmed", url)
    (store,) = (await client.get("/v1/stores")).json()["data"]
    assert store["carriers"]["acme"] == {"other": "Acme", "tracking_url": ADDRESS}


async def test_a_number_that_went_out_under_the_wrong_carrier_is_sent_under_its_own(
    world: World, client: httpx.AsyncClient
) -> None:
    made = [
        await a_failed_shipment(
            world, client, {"field": "carrierName"}, carrier_code="ups", tracking_number=number
        )
        for number in (USPS, USPS_TOO)
    ]
    (group,) = await causes(client)
    assert (group["value"], group["expected"], group["count"]) == ("UPS", "USPS", 2)
    assert group["fix"] == {"action": "correct", "needs": [], "url": group["fix"]["url"]}
    assert (await fixed(client, group))["totals"] == {"queued": 2}
    await world.deliver_until(*(update_id for _, update_id in made))
    for order, _ in made:
        (shipment,) = (await world.order(order.id)).shipments
        assert (shipment.state, shipment.walmart_carrier["carrier"]) == ("confirmed", "USPS")


async def test_a_method_is_chosen_once_for_all_shipments(
    world: World, client: httpx.AsyncClient
) -> None:
    made = [
        await a_failed_shipment(world, client, {"field": "methodCode"}, tracking_number=number)
        for number in ("1ZA", "1ZB")
    ]
    (group,) = await causes(client)
    assert group["fix"]["needs"] == ["method_code"]
    for body, code in (({}, "required"), ({"method_code": "Balloon"}, "method_code_invalid")):
        refused = await client.post(group["fix"]["url"], json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await fixed(client, group, method_code="Express"))["totals"] == {"queued": 2}
    await world.deliver_until(*(update_id for _, update_id in made))
    assert {(await world.order(order.id)).shipments[0].method_code for order, _ in made} == {
        "Express"
    }


async def test_a_retry_of_a_cause_leaves_what_changed_since_it_was_seen(
    world: World, client: httpx.AsyncClient
) -> None:
    made = [
        await a_failed_shipment(world, client, {}, tracking_number=number)
        for number in ("1ZA", "1ZB")
    ]
    listed = (await client.get("/v1/attention")).json()
    (group,) = listed["data"]
    await world.fault("shipping", "refuse")
    (_, again), (_, other) = made
    await client.post(f"/v1/updates/{again}/retry")
    await world.deliver_until(again, states={State.FAILED})
    done = await fixed(client, group, as_of=listed["as_of"])
    will = {each["id"]: each["will"] for each in done["data"]}
    assert will == {str(again): "changed", str(other): "queued"}
    await world.deliver_until(other)
    assert (await client.get(f"/v1/updates/{again}")).json()["state"] == "failed"


async def test_a_repeated_request_fixes_nothing_twice(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_failed_shipment(world, client, {})
    (group,) = await causes(client)
    headers = {"Idempotency-Key": "once"}
    first, second = [
        await client.post(group["fix"]["url"], json={}, headers=headers) for _ in range(2)
    ]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.json() == first.json()
    retried = (await client.get("/v1/audit?what=update_retried")).json()["data"]
    assert len(retried) == 1


async def test_what_a_request_leaves_of_a_cause_is_done_by_a_job(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "MOST_AT_ONCE", 2)
    await world.a_store()
    await failed_shipments(world, 5)
    (group,) = await causes(client)
    assert group["count"] == 5
    done = await fixed(client, group)
    assert (len(done["data"]), done["more"]) == (2, True)
    job = (await client.get(done["job_url"])).json()
    assert (job["kind"], job["actor"]) == ("fix", "admin")
    job = await finished(world, client, job)
    assert (job["state"], job["total"], job["succeeded"]) == ("finished", 3, 3)
    assert await causes(client) == []


async def test_all_buyers_who_ask_to_cancel_are_canceled_for(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "MOST_AT_ONCE", 1)
    for _ in range(3):
        order = await world.an_order(1)
        number = order.purchase_order_id
        await world.walmart.post(f"/simulator/orders/{number}/intent-to-cancel", json={})
        await client.post(f"/v1/orders/{order.id}/refresh")
    (group,) = await causes(client)
    assert (group["code"], group["count"]) == ("cancel_requested", 3)
    done = await fixed(client, group)
    assert (done["totals"], done["more"]) == ({"queued": 1}, True)
    job = await finished(world, client, (await client.get(done["job_url"])).json())
    assert (job["kind"], job["total"], job["succeeded"]) == ("fix", 2, 2)
    assert await causes(client) == []


async def test_all_that_arrived_is_refunded_once_also_by_a_batch_that_broke_off(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "MOST_AT_ONCE", 1)
    for _ in range(3):
        await returned(world, 1)
    await arrived(world)
    (group,) = await causes(client)
    assert (group["fix"]["action"], group["count"]) == ("refund", 3)
    done = await fixed(client, group)
    saved = jobs.save
    monkeypatch.setattr(jobs, "save", unsaved)
    job = await finished(world, client, (await client.get(done["job_url"])).json())
    assert job["done"] == 0
    monkeypatch.setattr(jobs, "save", saved)
    await world.database.direct.fetch("UPDATE jobs SET leased_until = NULL, due_at = now()")
    job = await finished(world, client, job)
    assert (job["total"], job["done"], job["succeeded"]) == (2, 2, 2)
    assert {each["result"] for each in job["results"]} == {"queued"}
    found = await returns(world)
    assert [len(each.refunds) for each in found] == [1, 1, 1]
    await world.deliver_until(*(each.refunds[0].update.id for each in found))
    assert await refunds(world) == [1, 1, 1]
    assert await causes(client) == []


async def unsaved(*_: object) -> bool:
    """The end of a batch that is not written, as by a poller that was killed."""
    return False


async def test_units_that_walmart_took_back_are_taken_back_here(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2)
    await world.database.direct.fetch("UPDATE order_lines SET shipped = 1")
    await reconcile.reconcile(world.context, 1, world.context.now() - timedelta(hours=1))
    (group,) = await causes(client)
    assert (group["fix"]["action"], group["sample"][0]["order_id"]) == (
        "accept_walmart",
        str(order.id),
    )
    assert (await fixed(client, group))["totals"] == {"done": 1}
    assert (await world.order(order.id)).lines[0].quantity.shipped == 0
    assert await causes(client) == []


async def test_cases_are_dismissed_together_with_one_note(
    world: World, client: httpx.AsyncClient
) -> None:
    order, _ = await a_failed_shipment(world, client, {"field": "methodCode"})
    change = (
        "UPDATE updates SET last_error = jsonb_set(last_error, '{code}', '\"line_canceled\"')"
        " WHERE state = 'failed'"
    )
    async with world.database.begin() as connection:
        await connection.execute(sa.text(change))
    (group,) = await causes(client)
    refused = await client.post(group["fix"]["url"], json={})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/note"
    assert (await fixed(client, group, note="Settled by phone."))["totals"] == {"done": 1}
    (shipment,) = (await world.order(order.id)).shipments
    assert (shipment.state, shipment.update.note) == ("dismissed", "Settled by phone.")


async def test_an_order_that_only_walmart_has_is_imported(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    number = await world.at_walmart(1, store=store)
    finding = f'[{{"number": "{number}", "order_id": null, "cause": "order_unknown_here"}}]'
    statement = "INSERT INTO reconciliations (store_id, findings) VALUES (1, CAST(:f AS jsonb))"
    async with world.database.begin() as connection:
        await connection.execute(sa.text(statement), {"f": finding})
    (group,) = await causes(client)
    assert (await fixed(client, group))["totals"] == {"done": 1}
    assert await causes(client) == []
    assert (await client.get(f"/v1/orders?q={number}")).json()["data"] != []


async def test_an_order_that_was_read_since_the_comparison_needs_no_action(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    number = await world.at_walmart(1, store=store)
    finding = f'[{{"number": "{number}", "order_id": null, "cause": "order_unknown_here"}}]'
    statement = "INSERT INTO reconciliations (store_id, findings) VALUES (1, CAST(:f AS jsonb))"
    async with world.database.begin() as connection:
        await connection.execute(sa.text(statement), {"f": finding})
    assert len(await causes(client)) == 1
    body = {"store_id": str(store.id), "purchase_order_id": number}
    assert (await client.post("/v1/orders/import", json=body)).is_success
    assert await causes(client) == []


@pytest.mark.usefixtures("adobe")
async def test_a_reason_is_given_once_by_an_admin_and_all_cancellations_go_out(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client, default_cancellation_reason=None)
    await hook(outside, "cancellation", CANCEL)
    (group,) = await causes(client)
    assert (group["code"], group["fix"]["needs"]) == ("reason_required", ["reason"])
    secret = await key_of(world, None, "write")
    async with client_of(client._transport.app, secret) as writer:  # type: ignore[attr-defined]
        refused = await writer.post(group["fix"]["url"], json={"reason": "out_of_stock"})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    wrong = await client.post(group["fix"]["url"], json={"reason": "no idea"})
    assert wrong.json()["errors"][0]["pointer"] == "/reason"
    assert (await fixed(client, group, reason="out_of_stock"))["totals"] == {"queued": 1}
    cancellation = (await world.order(order.id)).cancellation
    assert cancellation is not None
    assert cancellation.reason == "out_of_stock"


def test_an_address_changes_no_carrier_that_has_one_or_is_walmarts() -> None:
    known = {"ups": "UPS", "Acme": {"other": "Acme Inc", "tracking_url": "x"}, "b": {"other": "B"}}
    names = {"UPS": "UPS", "acme": "Acme", "B": "B Freight", "C": "C Freight"}
    assert with_address(known, names, "y") == {
        **known,
        "b": {"other": "B", "tracking_url": "y"},
        "C": {"other": "C Freight", "tracking_url": "y"},
    }


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"tracking_url": "https://acme.example"}, "tracking_url_invalid", "/tracking_url"),
        ({"note": "Done."}, "required", "/tracking_url"),
        ({"tracking_url": ADDRESS, "note": "Done."}, "invalid", "/note"),
        ({"carrier": "UPS"}, "unknown_field", "/carrier"),
    ],
)
@pytest.mark.usefixtures("adobe")
async def test_a_wrong_fix_is_refused_and_nothing_is_written(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    body: dict[str, str],
    code: str,
    pointer: str,
) -> None:
    await refused_in_commerce(world, client, outside, range(1))
    (group,) = await causes(client)
    answer = await client.post(group["fix"]["url"], json=body)
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["errors"][0]["pointer"]) == (code, pointer)
    (store,) = (await client.get("/v1/stores")).json()["data"]
    assert store["carriers"] == {}
    assert await causes(client) == [group]


async def test_a_key_sees_and_fixes_the_causes_of_its_store_only(
    world: World, client: httpx.AsyncClient, app: Any
) -> None:
    _, update_id = await a_failed_shipment(world, client, {})
    (group,) = await causes(client)
    other = await world.a_store()
    for scope, store, status in (("write", other, 404), ("read", world._stores[0], 403)):
        secret = await key_of(world, store.store_id, scope, name=scope)
        async with client_of(app, secret) as limited:
            seen = (await limited.get("/v1/attention")).json()["data"]
            assert [each["id"] for each in seen] == [group["id"]] * (scope == "read")
            answer = await limited.post(group["fix"]["url"], json={})
            assert answer.status_code == status
    async with world.database.direct.reading() as session:
        view = await queries.update(session, 1, update_id)
    assert view is not None
    assert view.state == "failed"
