"""The forms that act on an order work without JavaScript, and say why they refuse."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import httpx
import pytest

from app.domain.update import State
from app.storage.queries.views import OrderView
from app.usecases.orders import ship
from app.web import export
from app.web.page.refusals import REFUSALS
from tests.builders import a_package
from tests.harness.world import ACTOR, World
from tests.integration.page.conftest import SignIn
from tests.integration.web.test_retry import a_failed_shipment

UPS, USPS = "1Z999AA10123456784", "9400111899223344556691"
_INPUT = re.compile(r"<input[^>]*>")
_ACTS = ("ship_packages", "cancel_order", "correct_tracking", "retry_update", "dismiss_update")
# The form offers no way to meet these.
_OF_NO_FORM = {
    "malformed_json", "body_too_large", "unsupported_media_type", "unauthorized", "scope_missing",
    "unknown_parameter", "rate_limited", "too_many_attempts",
}  # fmt: skip


def fields(page: str) -> dict[str, str]:
    """The values of the inputs of a page, by name."""
    found = {}
    for each in _INPUT.findall(page):
        name, value = re.search(r' name="([^"]*)"', each), re.search(r' value="([^"]*)"', each)
        if name and 'type="radio"' not in each and 'type="checkbox"' not in each:
            found[unescape(name[1])] = unescape(value[1]) if value else ""
    return found


async def opened(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    page = await client.get(path)
    assert page.status_code == 200, page.text
    return fields(page.text)


def order_page(order: OrderView) -> str:
    return f"/orders/{order.id}?store={order.store_id}"


async def test_every_refusal_of_an_act_has_words_for_merchants() -> None:
    document = export.document()
    operations = {
        operation["operationId"]: operation
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    documented = {
        code
        for act in (*_ACTS, "refund_return")
        for status, answer in operations[act]["responses"].items()
        if status >= "400"
        for code in answer["content"]["application/problem+json"]["examples"]
    }
    assert documented - _OF_NO_FORM - set(REFUSALS) == set()
    of_files = {
        "row_invalid",
        "order_ambiguous",
        "order_not_found",
        "file_invalid",
        "file_too_long",
    }
    assert of_files - set(REFUSALS) == set()
    said = " ".join(f"{each.text} {each.way}" for each in REFUSALS.values())
    assert "/v1/" not in said
    assert "_" not in said


async def test_an_order_ships_in_two_packages_without_scripts(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    client, path = await signed_in(), f"/orders/{order.id}/ship"
    form = await opened(client, path)
    assert form["0.units.1"] == "3"
    more = await client.post(path, data={**form, "0.number": UPS, "go": "add"})
    form = fields(more.text)
    assert (form["0.number"], form["1.units.1"], form["packages"]) == (UPS, "0", "2")
    assert "selected>UPS" in more.text
    typed = {**form, "0.carrier": "UPS", "1.number": USPS, "1.units.1": "1"}
    # What the second package takes, the first gives; a person sees that before it is sent.
    checked = await client.post(path, data={**typed, "go": "ship"})
    assert checked.status_code == 422
    form = fields(checked.text)
    assert (form["0.units.1"], form["1.units.1"]) == ("2", "1")
    assert "Waybill filled in what was missing." in checked.text
    form |= {"0.carrier": "UPS", "1.carrier": "USPS", "go": "ship"}
    sent = await client.post(path, data=form)
    again = await client.post(path, data=form)
    shown = f"/orders/{order.id}?sent=1-2&store={order.store_id}"
    assert (sent.status_code, sent.headers["location"]) == (303, shown)
    assert (again.status_code, again.headers["location"]) == (303, shown)
    shipped = (await world.order(order.id)).shipments
    assert [(each.tracking_number, each.items[0].quantity) for each in shipped] == [
        (UPS, 2),
        (USPS, 1),
    ]
    assert {each.update.requested_by for each in shipped} == {"Jane (operators)"}


async def test_a_package_that_cannot_go_sends_none_and_says_which(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    client, path = await signed_in(), f"/orders/{order.id}/ship"
    form = await opened(client, path)
    form |= {"packages": "2", "0.units.1": "2", "1.units.1": "1", "0.carrier": "UPS"}
    refused = await client.post(path, data={**form, "0.number": UPS, "go": "ship"})
    assert refused.status_code == 422
    assert "The tracking number is missing." in refused.text
    assert "Choose a carrier." in refused.text
    assert "2 things to correct" in refused.text
    assert (await world.order(order.id)).shipments == ()


async def test_units_that_somebody_else_shipped_meanwhile_are_refused_with_a_sentence(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    client, path = await signed_in(), f"/orders/{order.id}/ship"
    form = await opened(client, path)
    await ship.ship(world.context, order.id, a_package("1ZOTHER"), actor=ACTOR)
    typed = {**form, "0.number": UPS, "0.carrier": "UPS", "go": "ship"}
    answer = await client.post(path, data=typed)
    assert "No unit is left to ship." in answer.text
    assert len((await world.order(order.id)).shipments) == 1


async def test_a_number_of_another_carrier_is_offered_with_its_own(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    client, path = await signed_in(), f"/orders/{order.id}/ship"
    form = {**await opened(client, path), "0.carrier": "UPS", "0.number": USPS}
    warned = await client.post(path, data={**form, "go": "check"})
    assert "This is a number of USPS." in warned.text
    assert 'value="use:0:USPS"' in warned.text
    used = await client.post(path, data={**form, "go": "use:0:USPS"})
    assert '<option value="USPS" selected>' in used.text
    assert "This is a number of" not in used.text


async def test_a_cancellation_needs_a_reason_and_offers_the_buyers_wish_only_where_it_is(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(2)
    client, path = await signed_in(), f"/orders/{order.id}/cancel"
    form = await opened(client, path)
    offered = re.findall(r'<input type="radio" name="reason"[^>]*>', (await client.get(path)).text)
    assert (len(offered), [each for each in offered if " checked" in each]) == (4, [])
    assert 'value="out_of_stock"' in offered[0]
    refused = await client.post(path, data=form)
    assert refused.status_code == 422
    assert "Choose a reason." in refused.text
    assert "The buyer asked to cancel the order" not in refused.text
    for stock in ("9" * 5000, "many"):
        wrong = {**form, "reason": "out_of_stock", "stock.SKU-1": stock}
        refused = await client.post(path, data=wrong)
        assert (refused.status_code, "A whole number, or nothing." in refused.text) == (422, True)
        assert fields(refused.text)["stock.SKU-1"] == stock
    assert (await world.order(order.id)).cancellation is None
    good = {**form, "reason": "out_of_stock", "comment": "Broken.", "stock.SKU-1": "0"}
    for _ in range(2):
        done = await client.post(path, data=good)
        assert done.status_code == 303
    assert "The cancellation is on its way" in (await client.get(done.headers["location"])).text
    canceled = (await world.order(order.id)).cancellation
    assert canceled is not None
    await world.deliver_until(canceled.update.id)
    said = (await client.get(done.headers["location"])).text
    assert "Walmart has canceled the order." in said
    assert "on its way" not in said
    assert (canceled.reason, canceled.comment) == ("out_of_stock", "Broken.")
    assert [(each.sku, each.quantity) for each in canceled.inventory] == [("SKU-1", 0)]


async def test_the_buyers_wish_is_a_reason_where_the_buyer_asked(
    world: World, signed_in: SignIn
) -> None:
    order = await asked_to_cancel(world)
    client = await signed_in()
    page = await client.get(f"/orders/{order.id}/cancel")
    assert "The buyer asked to cancel the order" in page.text
    path = f"/orders/{order.id}/ship"
    form = {**await opened(client, path), "0.number": UPS, "0.carrier": "UPS", "go": "ship"}
    refused = await client.post(path, data=form)
    assert "The buyer asked to cancel this." in refused.text
    shipped = await client.post(path, data={**form, "anyway": "1"})
    assert shipped.status_code == 303


async def asked_to_cancel(world: World) -> OrderView:
    order = await world.an_order(2)
    path = f"/simulator/orders/{order.purchase_order_id}/intent-to-cancel"
    (await world.walmart.post(path, json={"lines": ["1"]})).raise_for_status()
    return await world.imported(order.purchase_order_id, world._stores[0])


async def test_a_failed_package_stands_in_the_way_of_a_cancellation_with_its_ways_out(
    world: World, signed_in: SignIn
) -> None:
    order, update = await a_failed_shipment(world)
    page = (await (await signed_in()).get(f"/orders/{order.id}/cancel")).text
    assert "A package of this order failed." in page
    assert f'href="/updates/{update}/retry?' in page
    assert f'href="/updates/{update}/settle?' in page
    assert '<button class="btn danger"' not in page


async def test_a_failed_package_is_settled_with_a_note_and_walmarts_word(
    world: World, signed_in: SignIn
) -> None:
    order, update = await a_failed_shipment(world)
    client, path = await signed_in(), f"/updates/{update}/settle"
    form = await opened(client, path)
    refused = await client.post(path, data=form)
    assert (refused.status_code, "Say it in a few words." in refused.text) == (422, True)
    done = await client.post(path, data={**form, "note": "Sent by hand."})
    assert done.headers["location"] == order_page(order)
    assert "Walmart%20shows%20nothing%20of%20it" in notice(done)
    view = (await world.order(order.id)).shipments[0].update
    assert (view.state, view.note, view.dismissed_by) == (
        "dismissed",
        "Sent by hand.",
        "Jane (operators)",
    )
    late = await client.post(path, data={**await opened(client, path), "note": "Again."})
    assert (late.status_code, "This is settled already." in late.text) == (409, True)


def notice(answer: httpx.Response) -> str:
    return " ".join(answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    ("by_hand", "said"),
    [
        (0, "It goes out now: Walmart is read first, and only what is missing is sent."),
        (1, "Walmart already has it. Nothing is sent."),
    ],
)
async def test_a_retry_says_before_what_it_will_do(
    world: World, signed_in: SignIn, by_hand: int, said: str
) -> None:
    order, update = await a_failed_shipment(world)
    if by_hand:
        await world.shipped_by_hand(order, by_hand, "1ZA")
    client, path = await signed_in(), f"/updates/{update}/retry"
    page = await client.get(path)
    assert said in page.text
    assert (await world.order(order.id)).shipments[0].state == "failed"
    done = await client.post(path, data=fields(page.text))
    assert done.status_code == 303
    assert (await world.order(order.id)).shipments[0].state != "failed"


async def test_a_failed_package_is_corrected_and_sent(world: World, signed_in: SignIn) -> None:
    order, update = await a_failed_shipment(world, UPS)
    shipment = (await world.order(order.id)).shipments[0]
    client, path = await signed_in(), f"/orders/{order.id}/shipments/{shipment.id}/correct"
    page = await client.get(path)
    form: Mapping[str, Any] = {**fields(page.text), "0.carrier": "UPS", "go": "correct"}
    nothing = await client.post(path, data=form)
    assert (nothing.status_code, "Nothing differs from before." in nothing.text) == (422, True)
    wrong = await client.post(path, data={**form, "0.number": "1Z!"})
    assert (wrong.status_code, "This is not a tracking number." in wrong.text) == (422, True)
    tried = await client.post(path, data={**form, "0.number": USPS, "go": "check"})
    assert "It goes out with the new values." in tried.text
    await world.end_refusals()
    good = {**form, "0.number": USPS, "0.carrier": "USPS"}
    for _ in range(2):
        assert (await client.post(path, data=good)).status_code == 303
    await world.deliver_until(update, states={State.CONFIRMED})
    after = (await world.order(order.id)).shipments[0]
    assert (after.tracking_number, after.walmart_carrier) == (USPS, {"carrier": "USPS"})


@pytest.mark.parametrize("page", ["ship", "cancel"])
async def test_a_reader_and_another_stores_person_see_no_form(
    world: World, signed_in: SignIn, page: str
) -> None:
    order = await world.an_order(1)
    other = await world.a_store()
    path = f"/orders/{order.id}/{page}"
    assert (await (await signed_in("read")).get(path)).status_code == 403
    assert (await (await signed_in("write", other)).get(path)).status_code == 404
