"""The list of orders as a person sees it: cards, filters, search, pages, and what may be done."""

import gc
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import sqlalchemy as sa

from app.storage.tables import jobs, order_lines, orders
from app.usecases.orders import ship
from app.web.page.saved_views import COOKIE, MOST
from tests.builders import a_package
from tests.harness.world import ACTOR, World
from tests.integration.page.conftest import SignIn

HOSTILE = "<img src=x onerror=alert(1)>\u202e=cmd()"


async def put(world: World, order: Any, **values: Any) -> None:
    async with world.database.begin() as connection:
        await connection.execute(sa.update(orders).where(orders.c.id == order.id).values(**values))


def shown(text: str) -> list[str]:
    """The Walmart orders of the rows."""
    return re.findall(r'class="which"><a href="[^"]*">([^<]*)</a>', text)


def link(text: str, name: str) -> str:
    """The address of a link with a rel."""
    found = re.search(rf'rel="{name}" href="([^"]*)"', text)
    assert found, text
    return unescape(found[1])


async def test_cards_link_to_the_list_of_what_they_count(world: World, signed_in: SignIn) -> None:
    late, other = await world.an_order(1), await world.an_order(1)
    await put(world, late, ship_by=datetime.now(UTC) - timedelta(hours=2))
    person = await signed_in("read")
    text = (await person.get("/orders")).text
    assert shown(text) == [other.purchase_order_id, late.purchase_order_id]
    assert "All is well: nothing waits for you." not in text
    assert re.search(r'href="([^"]*late=true[^"]*)"><b>1</b><span>Late</span>', text)
    late_only = (await person.get("/orders?late=true")).text
    assert shown(late_only) == [late.purchase_order_id]
    assert 'aria-current="true"><b>1</b><span>Late</span>' in late_only


async def test_that_all_is_well_is_said(world: World, signed_in: SignIn) -> None:
    await world.an_order(1)
    person = await signed_in("read")
    assert "All is well: nothing waits for you." in (await person.get("/orders")).text
    assert (
        "All is well: nothing waits for you."
        not in (await person.get("/orders?status=shipped")).text
    )


async def test_pages_lead_on_and_back_without_a_script(world: World, signed_in: SignIn) -> None:
    store = await world.a_store()
    statement = sa.text(
        "INSERT INTO orders (store_id, id, purchase_order_id, ordered_at) "
        "SELECT :store, gen_random_uuid(), 'P' || n, now() - make_interval(mins => n) "
        "FROM generate_series(1, 120) n"
    )
    async with world.database.begin() as connection:
        await connection.execute(statement, {"store": store.store_id})
    person = await signed_in("read")
    first = (await person.get("/orders?columns=items")).text
    second = (await person.get(link(first, "next"))).text
    third = (await person.get(link(second, "next"))).text
    seen = [shown(each) for each in (first, second, third)]
    assert [number for page in seen for number in page] == [f"P{n}" for n in range(1, 121)]
    assert 'rel="next"' not in third
    again = (await person.get(link(third, "prev"))).text
    assert shown(again) == seen[1]
    assert shown((await person.get(link(again, "prev"))).text) == seen[0]
    assert '<th scope="col">Deliver by</th>' not in first


async def test_one_exact_hit_opens_the_order(world: World, signed_in: SignIn) -> None:
    order, _ = await world.an_order(1), await world.an_order(1)
    await put(world, order, commerce_order_number="000000777", customer_order_id="200012345")
    await ship.ship(world.context, order.id, a_package("1Z999AA10123456784"), actor=ACTOR)
    person = await signed_in("read")
    for text in (order.purchase_order_id, "000000777", "200012345", "1z999aa1 0123456784"):
        found = await person.get("/orders", params={"q": text})
        assert found.status_code == 303, text
        assert found.headers["location"].startswith(f"/orders/{order.id}")
    part = await person.get("/orders", params={"q": order.purchase_order_id[:8]})
    assert (part.status_code, len(shown(part.text))) == (200, 2)
    nothing = (await person.get("/orders", params={"q": "zzz"})).text
    assert "No order matches" in nothing
    assert "Show all orders" in nothing


async def test_a_search_with_too_many_matches_asks_for_more(
    world: World, signed_in: SignIn
) -> None:
    store = await world.a_store()
    statement = sa.text(
        "INSERT INTO orders (store_id, id, purchase_order_id) "
        "SELECT :store, gen_random_uuid(), 'P' || n FROM generate_series(1, 1001) n"
    )
    async with world.database.begin() as connection:
        await connection.execute(statement, {"store": store.store_id})
    text = (await (await signed_in("read")).get("/orders?q=P")).text
    assert "Type one more character." in text


async def test_an_address_with_unknown_values_still_shows_orders(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(1)
    person = await signed_in("read")
    for query in ("sort=price", "status=lost", "from=yesterday", "sync=synced", "cursor=abc", "q="):
        answer = await person.get(f"/orders?{query}", follow_redirects=True)
        assert (answer.status_code, shown(answer.text)) == (200, [order.purchase_order_id]), query


async def test_a_reader_sees_no_button_and_may_not_import_or_ship(
    world: World, signed_in: SignIn
) -> None:
    await world.an_order(1)
    reader, writer = await signed_in("read"), await signed_in("write")
    for_reader, for_writer = [(await each.get("/orders")).text for each in (reader, writer)]
    for part in ('name="order"', "/orders/import", "/orders/ship-many", "/ship"):
        assert part in for_writer
        assert part not in for_reader
    for path in ("/orders/import", "/orders/ship-many"):
        assert (await reader.get(path)).status_code == 403
        assert (await reader.post(path, data={"number": "1"})).status_code == 403


async def test_hostile_words_of_a_store_stay_words(world: World, signed_in: SignIn) -> None:
    store = await world.a_store(name=HOSTILE)
    order = await world.an_order(1, store=store)
    await put(world, order, commerce_order_number=HOSTILE, ship_method=HOSTILE)
    async with world.database.begin() as connection:
        await connection.execute(sa.update(order_lines).values(sku=HOSTILE))
    person = await signed_in("admin")
    for query in ("", f"?store={store.id}", "?q=%3Cscript%3E", "?ship_method=%22%3E%3Cimg%3E"):
        text = (await person.get(f"/orders{query}")).text
        assert "<img src=x" not in text
        assert "<script>" not in text
        assert 'method: "><img>' not in text.casefold()


async def test_an_order_is_imported_by_its_number_once(world: World, signed_in: SignIn) -> None:
    store = await world.a_store()
    number = await world.at_walmart(2, store=store)
    person = await signed_in("write")
    wrong = await person.post("/orders/import", data={"number": "12x"})
    assert (wrong.status_code, "digits only" in wrong.text, "12x" in wrong.text) == (
        422,
        True,
        True,
    )
    missing = await person.post("/orders/import", data={"number": "999999"})
    assert "Walmart has no order with this number" in missing.text
    form = {"number": f" {number} ", "idempotency_key": "k1"}
    done = [await person.post("/orders/import", data=form) for _ in range(2)]
    assert {each.status_code for each in done} == {303}
    assert len({each.headers["location"] for each in done}) == 1
    assert shown((await person.get("/orders")).text) == [number]


async def test_pasted_rows_are_checked_before_they_are_sent(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(2)
    person = await signed_in("write")
    rows = (
        "order\tcarrier_code\ttracking_number\n"
        f"{order.purchase_order_id}\tups\t1Z999AA10123456784\nnone\tups\t1Z9\n"
    )
    checked = await person.post("/orders/ship-many", data={"rows": rows, "step": "check"})
    assert "1 package is ready to send" in checked.text
    assert "1 row cannot be sent." in checked.text
    assert "There is no such order." in checked.text
    assert (await world.order(order.id)).shipments == ()
    sent = [
        await person.post("/orders/ship-many", data={"rows": rows, "step": "send"})
        for _ in range(2)
    ]
    assert "1 package is on its way to Walmart" in sent[0].text
    assert "1 row was sent before." in sent[1].text
    assert len((await world.order(order.id)).shipments) == 1
    unknown = "These rows cannot be read. The first row names the columns"
    for given, said in (({"rows": " "}, "Choose a file"), ({"rows": "a,b\n1,2\n"}, unknown)):
        refused = await person.post("/orders/ship-many", data=given)
        assert (refused.status_code, said in refused.text) == (422, True)


async def test_a_file_of_shipments_is_read(world: World, signed_in: SignIn) -> None:
    order = await world.an_order(1)
    person = await signed_in("write")
    rows = f"order,carrier_code,tracking_number\n{order.purchase_order_id},ups,1Z999AA10123456784\n"
    for content, status in ((rows.encode(), 200), (b"\xff\xfe\x00", 422)):
        answer = await person.post(
            "/orders/ship-many", data={"step": "check"}, files={"file": ("s.csv", content)}
        )
        assert answer.status_code == status
    # A file that was left open would be a warning, and an error here.
    gc.collect()


async def test_all_that_match_are_those_of_the_picked_store(
    world: World, signed_in: SignIn
) -> None:
    mine, other = await world.a_store(), await world.a_store()
    for store in (mine, other, other):
        await world.an_order(1, store=store)
    person = await signed_in("write")
    text = (await person.get(f"/orders?store={mine.id}")).text
    form = {"act": "refresh", "all": "1", "filter": f"store={mine.id}", "idempotency_key": "k"}
    for _ in ("what it will do", "confirmed"):
        action = re.search(r'method="post" action="(/orders/selection[^"]*)"', text)
        assert action
        answer = await person.post(unescape(action[1]), data=form)
        text, form = answer.text, {**form, "confirmed": "1"}
        assert answer.status_code == 303 or "Read from Walmart: 1 order<" in text
    wrong = await person.post("/orders/selection", data={**form, "filter": "status=opne"})
    assert wrong.status_code == 422
    async with world.database.begin() as connection:
        (job,) = (await connection.execute(sa.select(jobs))).mappings().all()
    assert (job["store_id"], job["selection"]["orders"]["store_id"]) == (mine.store_id,) * 2


async def test_text_that_no_database_stores_is_refused_beside_its_field(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(1)
    person = await signed_in("admin")
    form = {"act": "settle", "order": str(order.id), "confirmed": "1", "note": "a\0b"}
    answer = await person.post("/orders/selection", data=form)
    assert answer.status_code == 422
    assert "A note is needed" in answer.text
    form = {"name": "a\0b", "market": "US", "code": "\0"}
    assert (await person.post("/stores/connect", data=form)).status_code == 422


async def test_columns_of_a_hostile_file_are_shown_as_text(world: World, signed_in: SignIn) -> None:
    await world.a_store()
    person = await signed_in("write")
    for column in ("<script>alert(1)</script>", "100% %s %(x)s"):
        answer = await person.post("/orders/ship-many", data={"rows": f"{column}\nx"})
        assert answer.status_code == 422
        assert "<script>alert" not in answer.text


async def test_an_order_that_waits_for_the_keys_of_its_store_leads_there(
    world: World, signed_in: SignIn
) -> None:
    order = await world.an_order(1)
    await ship.ship(world.context, order.id, a_package("1Z999AA10123456784"), actor=ACTOR)
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text(
                "INSERT INTO lanes (store_id, endpoint, reason, failures, since, paused_until) "
                "SELECT store_id, '*', 'credentials_rejected', 5, now(), now() + interval '1 hour' "
                "FROM stores WHERE id = :store "
                "ON CONFLICT (store_id, endpoint) DO UPDATE SET reason = EXCLUDED.reason, "
                "failures = 5, since = EXCLUDED.since, paused_until = EXCLUDED.paused_until"
            ),
            {"store": order.store_id},
        )
    leads = re.compile(r'href="/stores/[^"]*">Enter new keys…')
    assert leads.search((await (await signed_in("admin")).get("/orders")).text)
    assert not leads.search((await (await signed_in("write")).get("/orders")).text)


async def test_a_list_is_saved_as_a_view_that_is_only_a_link(
    signed_in: SignIn,
) -> None:
    person = await signed_in("read")

    async def sent(**form: str) -> httpx.Response:
        answer = await person.post("/orders/views", data=form)
        assert answer.status_code == 303
        return answer

    def views(text: str) -> list[tuple[str, bool]]:
        bar = text.partition('class="bar"')[2].partition('<span class="end">')[0]
        found = re.findall(r'<a class="pick" href="([^"]*)"( aria-current="true")?>([^<]*)<', bar)
        return [(name, bool(current)) for _, current, name in found[1:]]

    late = "late=true&sort=ship_by&cursor=x&columns=items"
    saved = await sent(name=" Late <b> ", filter=late)
    assert saved.headers["location"] == "/orders?late=true&sort=ship_by&columns=items"
    page = await person.get(saved.headers["location"])
    assert views(page.text) == [("Late &lt;b&gt;", True)]
    assert "is saved in this browser" in page.text
    # Another filter leaves the view; the page itself never applies one.
    assert views((await person.get("/orders?status=open")).text) == [("Late &lt;b&gt;", False)]
    await sent(name="", filter=late)
    await sent(name="Late <b>", filter="status=error")
    assert views((await person.get("/orders?status=error")).text) == [("Late &lt;b&gt;", True)]
    for number in range(MOST + 2):
        await sent(name=f"View {number}", filter="q=1")
    shown_views = views((await person.get("/orders")).text)
    assert (len(shown_views), shown_views[-1][0]) == (MOST, f"View {MOST - 2}")
    await sent(name="Long", remove="View 0", filter="")
    for number in range(1, 4):
        await sent(name="Long", remove=f"View {number}", filter="")
        await sent(name=f"Long {number}", filter="q=" + "é" * 130)
    names = [name for name, _ in views((await person.get("/orders")).text)]
    numbered = [f"View {number}" for number in range(4, MOST - 1)]
    assert names == ["Late &lt;b&gt;", *numbered, "Long 1"]
    # What a cookie holds that is no view, or no list, does not keep a person from the orders.
    for wrong in ("%", "a%3Dstatus%253Dnonsense%26b%3D", "x" * 4000, "%00%3D1", "[" * 4000):
        person.cookies.delete(COOKIE)
        person.cookies.set(COOKIE, wrong)
        assert (await person.get("/orders")).status_code == 200
