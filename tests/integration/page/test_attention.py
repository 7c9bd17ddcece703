"""What needs attention, as a page: causes in words, one fix for all, and nothing left to do."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app.web.page.attention_count import AttentionCounts
from tests.harness.world import World
from tests.integration.page.conftest import SignIn
from tests.integration.test_attention import change
from tests.integration.web.conftest import client_of
from tests.integration.web.test_attention import a_failed_shipment, causes, refused_in_commerce

ADDRESS = "https://acme.example/t/{tracking_number}"
_TAG = re.compile(r"<[^>]+>")


def words_of(answer: httpx.Response) -> str:
    """The words of a page, without its tags."""
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(_TAG.sub(" ", f"<{main}").split())


async def failed(world: World, app: FastAPI, *numbers: str) -> list[UUID]:
    """Failed shipments of one cause."""
    async with client_of(app) as client:
        made = [
            await a_failed_shipment(world, client, {}, tracking_number=number) for number in numbers
        ]
    return [update_id for _, update_id in made]


async def test_a_cause_is_shown_in_words_with_its_orders_and_its_fix(
    world: World, app: FastAPI, signed_in: SignIn
) -> None:
    await failed(world, app, "1ZA", "1ZB")
    person = await signed_in("write")
    answer = await person.get("/attention")
    shown = words_of(answer)
    assert "2 shipments did not reach Walmart" in shown
    assert "Did not reach Walmart" in shown
    assert "Try 2 again" in shown
    assert "<title>(1) Needs attention · Waybill</title>" in answer.text
    (cause,) = re.findall(r"/attention/([0-9a-f-]+)/fix", answer.text)
    members = words_of(await person.get(f"/attention/{cause}"))
    assert len(set(re.findall(r"\d{13}", members))) == 2
    assert "One by one" in shown
    # From an order that was opened here the way back leads here.
    (order,) = set(re.findall(r'href="(/orders/[^"]+)"', answer.text)[:1])
    opened = (await person.get(unescape(order))).text
    assert re.search(r'<nav class="crumb"[^>]*><a href="/attention[^"]*">Needs attention', opened)
    assert "via=attention" in re.findall(r'href="(/updates/[^"]+)"', opened)[0]
    spanish = await person.get("/attention", headers={"Accept-Language": "es"})
    assert "2 envíos no llegaron a Walmart" in words_of(spanish)


async def test_what_must_leave_soon_says_that_time_is_left(world: World, signed_in: SignIn) -> None:
    order = await world.an_order(1)
    warn = "UPDATE orders SET ship_by_warned_at = now(), ship_by = now() + :by WHERE id = :id"
    await change(world, warn, by=timedelta(hours=1, minutes=30), id=order.id)
    page = await (await signed_in("read")).get("/attention")
    assert re.search(r"1 h (29|30) min left", words_of(page))


@pytest.mark.one_postgresql("a list of all stores")
async def test_a_reader_sees_the_causes_and_no_fix(
    world: World, app: FastAPI, signed_in: SignIn
) -> None:
    await failed(world, app, "1ZA")
    reader = await signed_in("read")
    answer = await reader.get("/attention")
    assert "1 shipment did not reach Walmart" in words_of(answer)
    assert "/fix" not in answer.text
    async with client_of(app) as client:
        (group,) = await causes(client)
    assert (await reader.get(f"/attention/{group['id']}/fix")).status_code == 403
    assert (await reader.post(f"/attention/{group['id']}/fix")).status_code == 403


async def test_a_fix_says_before_what_it_does_and_after_what_it_did(
    world: World, app: FastAPI, signed_in: SignIn
) -> None:
    updates = await failed(world, app, "1ZA", "1ZB")
    person = await signed_in("write")
    page = await person.get("/attention")
    (fix,) = re.findall(r"/attention/[0-9a-f-]+/fix", page.text)
    form = await person.get(fix)
    assert "Only what is missing there is sent again." in words_of(form)
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form.text))
    done = await person.post(fix, data=hidden)
    assert (done.status_code, urlsplit(done.headers["location"]).path) == (303, "/attention")
    # The same form again, as by a double click, changes nothing more.
    again = await person.post(fix, data=hidden)
    assert again.status_code == 303
    after = words_of(await person.get("/attention"))
    assert "2 go out now. See what is being sent" in after
    assert "Nothing needs action" in after
    assert "settled by Jane" in after
    await world.deliver_until(*updates)
    gone = await person.get(fix)
    assert (gone.status_code, urlsplit(gone.headers["location"]).path) == (303, "/attention")


@pytest.mark.usefixtures("adobe")
async def test_a_refused_fix_keeps_what_was_typed_and_says_what_is_wrong(
    world: World, app: FastAPI, signed_in: SignIn
) -> None:
    async with client_of(app) as client, client_of(app, key=None) as outside:
        await refused_in_commerce(world, client, outside, range(1))
    person = await signed_in("write")
    page = await person.get("/attention")
    (fix,) = re.findall(r"/attention/[0-9a-f-]+/fix", page.text)
    form = await person.get(fix)
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form.text))
    for typed, problem in (("https://acme", "where the number belongs"), ("", "is missing")):
        refused = await person.post(fix, data={**hidden, "tracking_url": typed})
        assert refused.status_code == 422
        assert problem in words_of(refused)
        assert f'value="{typed}"' in refused.text
        assert hidden["as_of"] in refused.text
    good = await person.post(fix, data={**hidden, "tracking_url": ADDRESS})
    assert good.status_code == 303


async def test_the_count_is_made_once_for_some_seconds_and_for_each_store(world: World) -> None:
    now = 0.0
    counts = AttentionCounts(lambda: now)
    store = await world.a_store()
    assert await counts.count(world.context, store.store_id) == 0
    assert counts.keep(store.store_id, 3) == 3
    assert await counts.count(world.context, store.store_id) == 3
    assert await counts.count(world.context, None) == 0
    now = 6.0
    assert await counts.count(world.context, store.store_id) == 0
