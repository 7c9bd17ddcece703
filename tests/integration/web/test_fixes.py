"""The fix of a status detail: applied as it stands, it is accepted and settles the trouble."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.orders import fixes
from app.domain.orders.fixes import FixAction
from app.domain.update import State
from app.storage.queries.views import OrderView
from app.usecases.apply_fix import OF_UPDATES
from tests.harness.world import World

UPS, USPS = "1Z999AA10123456784", "9400111899223344556677"
# What a person gives where a fix needs it.
GIVEN = {
    "tracking_number": "1Z999AA10123456784",
    "tracking_url": "https://acme.example/t/1",
    "carrier_code": "UPS",
    "method_code": "Standard",
    "note": "Settled in Seller Center.",
}
Json = dict[str, Any]


async def failed(
    world: World, client: httpx.AsyncClient, field: str | None, **body: Any
) -> tuple[OrderView, Json]:
    """Ship an order that Walmart refuses for a field; return it with the status detail."""
    order = await world.an_order(3)
    await world.fault(
        "shipping",
        "refuse",
        field=field,
        description="It is not valid in line number 1",
        purchase_order_id=order.purchase_order_id,
    )
    path = f"/v1/orders/{order.id}/shipments"
    sent = {"carrier_code": "ups", "tracking_number": UPS, **body}
    update = (await client.post(path, json=sent)).json()["update"]["id"]
    await world.deliver_until(UUID(update), states={State.FAILED})
    return order, await detail(client, order)


async def detail(client: httpx.AsyncClient, order: OrderView) -> Json:
    found = (await client.get(f"/v1/orders/{order.id}")).json()
    [only] = found["status_details"]
    return dict(only)


async def applied(client: httpx.AsyncClient, found: Json, **more: Any) -> httpx.Response:
    """Apply the fix of a detail as it stands, with the fields that it needs."""
    fix = found["fix"]
    given = {**GIVEN, "shipped_at": datetime.now(UTC).isoformat()}
    needed = {name: given[name] for name in fix["needs"]}
    body = {"action": fix["action"], "changes": {**fix["changes"], **needed}}
    return await client.post(found["links"]["fix"], json=body, **more)


@pytest.mark.parametrize(
    ("field", "body", "changes", "needs"),
    [
        ("trackingNumber", {"tracking_number": USPS}, {"carrier_code": "USPS"}, []),
        ("carrierName", {"tracking_number": USPS}, {"carrier_code": "USPS"}, []),
        ("trackingNumber", {}, {}, ["tracking_number"]),
        ("carrierName", {}, {}, ["carrier_code"]),
        ("trackingURL", {}, {}, ["tracking_url"]),
        ("methodCode", {"method_code": "Express"}, {"method_code": "Standard"}, []),
        ("methodCode", {"method_code": "Standard"}, {}, ["method_code"]),
        ("shipDateTime", {}, {}, ["shipped_at"]),
        (
            "otherCarrier",
            {"carrier_code": "Fedax", "tracking_number": "X1", "tracking_url": "https://a.example"},
            {"carrier_code": "FedEx"},
            [],
        ),
    ],
)
async def test_a_refused_value_is_corrected_by_the_fix_and_goes_out(
    world: World,
    client: httpx.AsyncClient,
    field: str,
    body: Json,
    changes: Json,
    needs: list[str],
) -> None:
    order, found = await failed(world, client, field, **body)
    assert (found["fix"]["changes"], found["fix"]["needs"]) == (changes, needs)
    answer = await applied(client, found)
    assert answer.status_code == 202, answer.text
    assert answer.json()["action"] == found["fix"]["action"]
    await world.deliver_until(UUID(found["update_id"]), states={State.CONFIRMED})
    shipment = (await client.get(f"/v1/orders/{order.id}/shipments")).json()["data"][0]
    assert shipment["state"] == "confirmed"
    for name, value in changes.items():
        shown = shipment["walmart_carrier"]["carrier"] if "carrier" in name else shipment[name]
        assert shown == value


async def test_the_evidence_names_what_was_sent_and_what_is_expected(
    world: World, client: httpx.AsyncClient
) -> None:
    _, found = await failed(world, client, "trackingNumber", tracking_number=USPS)
    assert found["params"] == {
        "carrier": "UPS",
        "tracking_number": USPS,
        "change": "carrier_code",
        "sent": "UPS",
        "expected": "USPS",
    }


@pytest.mark.parametrize("code", sorted(fixes._OF_UPDATE))
async def test_the_fix_of_each_code_is_accepted(
    world: World, client: httpx.AsyncClient, code: str
) -> None:
    order, found = await failed(world, client, None)
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text(
                "UPDATE updates SET last_error = last_error || :code WHERE id = :id"
            ).bindparams(sa.bindparam("code", {"code": code}, JSONB), id=UUID(found["update_id"]))
        )
    found = await detail(client, order)
    assert FixAction(found["fix"]["action"]) in OF_UPDATES
    answer = await applied(client, found)
    assert answer.status_code == 202, answer.text


async def test_a_fix_with_a_key_is_applied_once(world: World, client: httpx.AsyncClient) -> None:
    order, found = await failed(world, client, "trackingNumber", tracking_number=USPS)
    key = {"headers": {"Idempotency-Key": "one"}}
    first, second = await applied(client, found, **key), await applied(client, found, **key)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.json() == second.json()
    timeline = (await client.get(f"/v1/orders/{order.id}/timeline")).json()["data"]
    assert [each["what"] for each in timeline].count("tracking_corrected") == 1


@pytest.mark.parametrize("code", ["carrier_not_supported", None])
async def test_the_second_of_two_people_changes_nothing(
    world: World, client: httpx.AsyncClient, code: str | None
) -> None:
    field = "carrierName" if code else None
    _, found = await failed(world, client, field, tracking_number=USPS)
    if code is None:
        path = f"/v1/updates/{found['update_id']}/dismiss"
        await client.post(path, json={"note": "Done in Seller Center."})
        body = {"action": "retry", "changes": {}}
    else:
        body = {"action": "correct_tracking", "changes": {"carrier_code": "USPS"}}
        assert (await applied(client, found)).is_success
    answer = await client.post(f"/v1/updates/{found['update_id']}/fix", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "fix_changed")


async def test_a_fix_without_the_value_it_needs_is_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    _, found = await failed(world, client, "trackingNumber")
    body = {"action": "correct_tracking", "changes": {}}
    answer = await client.post(found["links"]["fix"], json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "required")
    wrong = {"action": "correct_tracking", "changes": {"method_code": "Rocket"}}
    answer = await client.post(found["links"]["fix"], json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "method_code_invalid")
