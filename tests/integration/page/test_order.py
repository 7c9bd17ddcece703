"""The page of one order: what is troubled, its fix, packages, both sides, the file for support."""

import html
import re
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.orders.requests import RequestedItem, ShipRequest
from app.domain.update import State
from app.storage.queries import timeline_views
from app.storage.queries.views import OrderView, StoreView
from app.usecases.orders import ship as use_case
from tests.harness.world import World
from tests.integration.page.conftest import SignIn

UPS, USPS = "1Z999AA10123456784", "9400111899223344556677"
HOSTILE = "<img src=x onerror=alert(1)>"


async def ship(world: World, order: OrderView, number: str = UPS, units: int = 1) -> UUID:
    """Ship units of line 1; returns the update."""
    item = RequestedItem(units, line_number="1")
    request = ShipRequest("ups", number, items=(item,))
    accepted = await use_case.ship(world.context, order.id, request, actor="Commerce")
    return accepted.shipment.update.id


async def refused(world: World, order: OrderView, field: str = "trackingNumber") -> UUID:
    """Let Walmart refuse a package with a number of another carrier."""
    await world.fault(
        "shipping",
        "refuse",
        field=field,
        description="Carrier UPS does not match tracking number in line number 1",
        purchase_order_id=order.purchase_order_id,
    )
    update = await ship(world, order, USPS)
    await world.deliver_until(update, states={State.FAILED})
    return update


def text_of(page: httpx.Response) -> str:
    """The words that a person reads."""
    assert page.status_code in {200, 409, 422}, page.text
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", page.text).split()))


def fields_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that posts to a path."""
    form = re.search(
        rf'<form method="post" action="{re.escape(action)}[^"]*">(.*?)</form>', page, re.DOTALL
    )
    assert form, page
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[1])
    return {name: html.unescape(value) for name, value in found}


async def test_an_order_shows_where_its_units_are_and_what_may_be_done(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    client = await signed_in()
    said = text_of(await client.get(f"/orders/{order.id}"))
    assert order.purchase_order_id in said
    assert "Ship 3 units" in said
    assert "times in UTC" in said
    assert "Cancel order…" in said
    await world.deliver_until(await ship(world, order, units=2))
    said = text_of(await client.get(f"/orders/{order.id}"))
    assert "2 shipped · 1 to ship" in said
    assert "Units have left, and Walmart cancels whole orders only." in said
    assert "Walmart has package 1" in said
    assert "after it was accepted" in said
    assert "Correct tracking until" in said


async def test_a_trouble_says_what_happened_and_offers_its_one_fix(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    await refused(world, order)
    client = await signed_in()
    said = text_of(await client.get(f"/orders/{order.id}"))
    assert f"{USPS} is a number of USPS, and it was sent as UPS." in said
    assert "Send as USPS" in said
    assert "“Send as USPS” reads Walmart first" in said
    assert "Carrier UPS does not match tracking number" in said
    assert "1 held by a failed package" in said


async def test_the_fix_of_a_page_goes_out_once(world: World, signed_in: SignIn) -> None:
    order = await world.an_order(3)
    update = await refused(world, order)
    client = await signed_in(name="Jane")
    page = (await client.get(f"/orders/{order.id}")).text
    path = f"/updates/{update}/fix"
    form = fields_of(page, path)
    first, second = await client.post(path, data=form), await client.post(path, data=form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    await world.deliver_until(update, states={State.CONFIRMED})
    sent = [each for each in await world.ledger(order.purchase_order_id) if "ship" in str(each)]
    assert len(sent) == 1
    said = text_of(await client.get(f"/orders/{order.id}"))
    assert "The package was corrected" in said
    assert "by Jane" in said


async def test_the_second_of_two_people_is_told_that_it_is_settled(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    update = await refused(world, order)
    jane, joe = await signed_in(name="Jane"), await signed_in(name="Joe")
    path = f"/updates/{update}/fix"
    pages = [(await each.get(f"/orders/{order.id}")).text for each in (jane, joe)]
    assert (await jane.post(path, data=fields_of(pages[0], path))).status_code == 303
    late = await joe.post(path, data=fields_of(pages[1], path))
    assert late.status_code == 409
    await world.deliver_until(update, states={State.CONFIRMED})
    assert "Nothing is to be fixed here any more" in text_of(await joe.get(path))


@pytest.mark.parametrize("field", ["trackingURL", "trackingNumber", "methodCode", "shipDateTime"])
async def test_a_fix_that_needs_a_value_asks_for_it_and_keeps_what_was_typed(
    world: World, signed_in: SignIn, field: str
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse", field=field, purchase_order_id=order.purchase_order_id)
    update = await ship(world, order)
    await world.deliver_until(update, states={State.FAILED})
    client = await signed_in()
    page = (await client.get(f"/updates/{update}/fix")).text.split("<main")[1]
    [name] = re.findall(r'<(?:input|select) id="(\w+)"', page)
    action, changes = re.findall(r'name="(?:action|changes)" value="([^"]*)"', page)
    form = {"action": action, "changes": html.unescape(changes), name: "not (valid)"}
    for changes in ("[" * 5000, form["changes"]):
        wrong = await client.post(f"/updates/{update}/fix", data={**form, "changes": changes})
        assert wrong.status_code == 422
    assert name == "method_code" or 'value="not (valid)"' in wrong.text


async def test_a_person_who_may_only_read_sees_no_buttons_and_changes_nothing(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    update = await refused(world, order)
    client = await signed_in("read")
    page = await client.get(f"/orders/{order.id}")
    assert "did not reach Walmart" in page.text
    main = page.text.split("<main")[1]
    assert 'method="post"' not in main
    assert 'class="btn main"' not in main
    posts = [f"/updates/{update}/fix", f"/orders/{order.id}", f"/orders/{order.id}/import"]
    assert {(await client.post(path)).status_code for path in posts} == {403}
    assert (await client.get(f"/updates/{update}/fix")).status_code == 403
    assert (await world.update(update)).state == "failed"


async def test_an_order_of_another_store_is_not_found(world: World, signed_in: SignIn) -> None:
    own, other = await world.a_store(), await world.a_store()
    order = await world.an_order(3, store=other)
    update = await refused(world, order)
    client = await signed_in("write", own)
    paths = [f"/orders/{order.id}", f"/orders/{order.id}/support.txt", f"/updates/{update}/fix"]
    assert {(await client.get(path)).status_code for path in paths} == {404}
    posts = [f"/orders/{order.id}", f"/updates/{update}/fix", f"/orders/{order.id}/import"]
    assert {(await client.post(path)).status_code for path in posts} == {404}


async def test_an_order_that_walmart_ships_has_no_buttons(world: World, signed_in: SignIn) -> None:
    order = await world.an_order(3, node_type="WFSFulfilled")
    page = await (await signed_in()).get(f"/orders/{order.id}")
    assert "Walmart ships this one" in text_of(page)
    for act in ("/ship", "/cancel"):
        assert f"/orders/{order.id}{act}" not in page.text


async def test_reading_now_shows_both_sides(world: World, signed_in: SignIn) -> None:
    order = await world.an_order(3)
    await world.shipped_by_hand(order, 2, UPS)
    said = text_of(await (await signed_in()).post(f"/orders/{order.id}"))
    assert "2 shipped" in said
    assert "…6784 ) , 1 to ship" in said
    assert "same" in said
    assert "Read and compared with Walmart" in said


async def test_walmart_away_is_said_and_the_order_is_still_shown(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    await world.fault("read", "error", times=None)
    said = text_of(await (await signed_in()).post(f"/orders/{order.id}"))
    assert order.purchase_order_id in said
    assert "Same?" not in said


async def test_names_of_a_hostile_catalogue_are_only_text(world: World, signed_in: SignIn) -> None:
    lines = [{"line_number": "1", "sku": HOSTILE, "quantity": 1, "name": f"{HOSTILE}\u202e=cmd()"}]
    order = await world.an_order(1, lines=lines)
    page = await (await signed_in()).get(f"/orders/{order.id}")
    assert HOSTILE not in page.text
    assert html.escape(HOSTILE) in page.text


async def test_the_file_for_a_support_case_has_tries_and_ids_and_no_buyer(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    update = await refused(world, order)
    answer = await (await signed_in("read")).get(f"/orders/{order.id}/support.txt")
    assert "ordered=" in answer.text
    assert "QuantityView" not in answer.text
    assert "None" not in answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert order.purchase_order_id in answer.headers["content-disposition"]
    text = answer.text
    assert f"UPDATE {update} shipment failed" in text
    assert "request=- traceparent=-" in text
    assert "TRY 1 refused" in text
    assert re.search(r"correlation=[0-9a-f-]{36}", text)
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z POST /v3/orders/", text)
    assert '"customerEmailId":"[removed]"' in text.replace(" ", "")
    assert '"postalAddress":"[removed]"' in text.replace(" ", "")


async def test_older_parts_of_a_timeline_are_a_link_away(
    world: World, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline_views, "MOST", 1)
    order = await world.an_order(1)
    await world.fault("shipping", "error")
    await world.deliver_until(await ship(world, order))
    client = await signed_in()
    page = (await client.get(f"/orders/{order.id}")).text
    pages = [page]
    while older := re.search(r'href="([^"]+)#timeline">Show older', page):
        page = (await client.get(html.unescape(older[1]))).text
        pages.append(page)
        assert "Show the newest" in page
    assert "Try 2: it worked" in pages[0]
    assert "Waybill has the order" not in pages[0]
    assert "Waybill has the order" in pages[-1]


async def test_an_unreadable_order_is_read_again_by_its_button(
    world: World, signed_in: SignIn
) -> None:
    store: StoreView = await world.a_store()
    order = await world.an_order(3, store=store)
    error = {
        "code": "order_unreadable",
        "message": "A quantity is missing.",
        "suggestion": None,
        "occurred_at": "2026-11-30T10:00:00+00:00",
    }
    async with world.database.begin() as connection:
        given = sa.bindparam("error", error, JSONB)
        await connection.execute(sa.text("DELETE FROM order_lines"))
        await connection.execute(
            sa.text("UPDATE orders SET import_error = :error, status = 'error'").bindparams(given)
        )
    client = await signed_in()
    page = await client.get(f"/orders/{order.id}")
    assert "Waybill cannot read this order" in page.text
    form = fields_of(page.text, f"/orders/{order.id}/import")
    assert (await client.post(f"/orders/{order.id}/import", data=form)).status_code == 303


@pytest.mark.parametrize(("language", "word"), [("es-MX", "Pedido"), ("fr-CA", "Commande")])
async def test_an_order_is_said_in_the_language_of_the_person(
    world: World, signed_in: SignIn, language: str, word: str
) -> None:
    order = await world.an_order(3)
    await refused(world, order)
    client = await signed_in()
    headers: dict[str, Any] = {"Accept-Language": language}
    said = text_of(await client.get(f"/orders/{order.id}", headers=headers))
    assert f"{word} {order.purchase_order_id}" in said
    for english in ("did not reach", "Read now", "Timeline", "to ship", "Package"):
        assert english not in said, english


async def test_a_package_of_another_carrier_shows_its_name_and_its_page(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(3)
    page_of = "https://acme.example/t/AF-77001"
    request = ShipRequest("acme", "AF-77001", "Acme Freight", page_of)
    await use_case.ship(world.context, order.id, request, actor="Commerce")
    page = await (await signed_in()).get(f"/orders/{order.id}")
    assert "Acme Freight" in text_of(page)
    assert f'href="{page_of}"' in page.text
