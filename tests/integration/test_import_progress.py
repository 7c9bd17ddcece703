"""The importer makes progress: past unreadable orders, pauses, ends of turns, and bad pages."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
import sqlalchemy as sa

from app.domain.outbox.rate_limits import Breaker
from app.http_client import exchange
from app.http_client.transport import Http
from app.storage.imports import retries
from app.storage.imports.leases import ImportTotals
from app.usecases.orders import ship
from app.walmart import order_lists, returns
from app.walmart.client import WalmartClient
from app.worker.importer import importer as importers
from app.worker.importer.importer import Importer
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import World

ALWAYS = 0.000001
# Two months ago, in Walmart's time format.
LONG_AGO = int((time.time() - 60 * 86_400) * 1000)


async def run(world: World, *, every: float = ALWAYS, **terms: Any) -> ImportTotals:
    """A run that ends at a pause of Walmart by default."""
    tally = await Importer(world.context, Breaker(), every, **{"patience": 0, **terms}).run(1)
    assert tally is not None
    return tally


async def ask(world: World, question: str, **values: Any) -> Any:
    async with world.database.begin() as connection:
        return (await connection.execute(sa.text(question), values)).scalar()


async def pauses_end(world: World) -> None:
    await ask(
        world,
        "UPDATE lanes SET paused_until = '-infinity', tokens = NULL, failures = 0 RETURNING 1",
    )


async def retries_are_due(world: World) -> None:
    await ask(world, "UPDATE import_retries SET due_at = now() RETURNING 1")


async def shipped(world: World, number: str) -> int:
    question = """
        SELECT sum(l.shipped) FROM orders o JOIN order_lines l ON l.order_id = o.id
         WHERE o.purchase_order_id = :number
    """
    return int(await ask(world, question, number=number))


async def known(world: World) -> int:
    return int(await ask(world, "SELECT count(*) FROM orders"))


async def at_walmart(world: World, store: Any, count: int, **changes: Any) -> list[str]:
    return [await world.at_walmart(2, store=store, **changes) for _ in range(count)]


async def ship_at_walmart(world: World, *numbers: str) -> None:
    for number in numbers:
        (await world.walmart.post(f"/simulator/orders/{number}/ship", json={})).raise_for_status()


async def test_an_unreadable_order_stops_neither_the_others_nor_returns(
    world: World,
) -> None:
    store = await world.a_store()
    bad, good = await at_walmart(world, store, 2)
    await run(world)
    await ship_at_walmart(world, bad, good)
    await world.walmart.post(f"/simulator/orders/{good}/return", json={})
    await world.fault("read", "error", times=None, purchase_order_id=bad)
    tally = await run(world)
    assert (tally.stopped, tally.postponed) == (None, 1)
    assert (await shipped(world, bad), await shipped(world, good)) == (0, 2)
    assert await ask(world, "SELECT count(*) FROM returns") == 1
    assert await ask(world, "SELECT purchase_order_id FROM import_retries") == bad
    # It is reported once, and not read again before its time.
    before = len(await world.calls("read"))
    assert (await run(world)).postponed == 0
    assert len(await world.calls("read")) == before
    event_count = "SELECT count(*) FROM events WHERE what = 'order_not_read'"
    await retries_are_due(world)
    assert (await run(world)).postponed == 1
    assert await ask(world, event_count) == 1
    assert await ask(world, "SELECT tries FROM import_retries") == 2

    await world.walmart.delete("/simulator/faults")
    await retries_are_due(world)
    await run(world)
    assert await shipped(world, bad) == 2
    assert await ask(world, "SELECT count(*) FROM import_retries") == 0


async def test_unreadable_orders_that_open_the_breaker_do_not_stop_the_import(
    world: World,
) -> None:
    store = await world.a_store()
    numbers = await at_walmart(world, store, 9)
    await run(world)
    await ship_at_walmart(world, *numbers)
    for number in numbers[:8]:
        await world.fault("read", "error", times=None, purchase_order_id=number)
    for _ in range(3):
        await run(world)
        await pauses_end(world)
    assert await shipped(world, numbers[8]) == 2
    assert await ask(world, "SELECT count(*) FROM import_retries") == 8


async def test_a_return_with_an_unreadable_order_is_kept_without_it_until_it_is_readable(
    world: World,
) -> None:
    store = await world.a_store()
    first, second = [await world.at_walmart(1, store=store, ordered_at=LONG_AGO) for _ in range(2)]
    await ship_at_walmart(world, first, second)
    for number in (first, second):
        await world.walmart.post(f"/simulator/orders/{number}/return", json={})
    await world.fault("list", "throttle", delay=60)
    await world.fault("read", "error", times=None, purchase_order_id=first)
    assert (await run(world)).returns == 2
    assert await ask(world, "SELECT purchase_order_id FROM orders") == second
    await world.walmart.delete("/simulator/faults")
    await retries_are_due(world)
    await run(world)
    assert await ask(world, "SELECT count(*) FROM orders") == 2


async def test_only_the_order_that_waybill_cannot_store_is_postponed(world: World) -> None:
    store = await world.a_store()
    good = await world.at_walmart(1, store=store)
    bad = await world.at_walmart(1, store=store, status="Created")
    async with world.database.begin() as connection:
        check = f"ALTER TABLE orders ADD CHECK (purchase_order_id <> '{bad}')"
        await connection.execute(sa.text(check))
    tally = await run(world)
    assert tally.stopped is None
    assert await ask(world, "SELECT purchase_order_id FROM orders") == good
    assert await ask(world, "SELECT purchase_order_id FROM import_retries") == bad


async def test_a_throttled_run_continues_where_it_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_lists, "PAGE", 2)
    store = await world.a_store()
    await at_walmart(world, store, 10)
    seen = []
    for _ in range(4):
        await world.walmart.delete("/simulator/faults")
        # Walmart-fulfilled orders are one page of them.
        await world.fault("list", "slow", delay=0, times=3)
        await world.fault("list", "throttle")
        await run(world)
        await pauses_end(world)
        seen.append(await known(world))
    assert seen == [4, 8, 10, 10]


async def test_a_short_pause_is_waited_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_lists, "PAGE", 2)
    store = await world.a_store()
    await at_walmart(world, store, 5)
    await world.fault("list", "throttle", delay=0.2)
    tally = await run(world, patience=importers.PATIENCE)
    assert (tally.stopped, await known(world)) == (None, 5)


async def test_after_a_long_pause_the_import_resumes_without_waiting_for_its_interval(
    world: World,
) -> None:
    store = await world.a_store()
    await world.at_walmart(1, store=store)
    await world.fault("list", "throttle", delay=40)
    hourly = Importer(world.context, Breaker(), every=3600)
    assert (await hourly.run(1)) is not None
    assert await known(world) == 0
    assert await hourly.due() == []
    until = "SELECT resume_at >= paused_until FROM imports JOIN lanes USING (store_id)"
    assert await ask(world, f"{until} WHERE endpoint = 'list_orders'")
    await pauses_end(world)
    await ask(world, "UPDATE imports SET resume_at = now() RETURNING 1")
    assert await hourly.due() == [1]
    await hourly.run(1)
    assert await known(world) == 1
    assert await hourly.due() == []


@pytest.mark.parametrize("paused", ["released", "list", "returns"])
async def test_a_paused_list_does_not_delay_the_others(world: World, paused: str) -> None:
    store = await world.a_store()
    new = await world.at_walmart(1, store=store, status="Created", ordered_at=LONG_AGO)
    changed = await world.at_walmart(1, store=store)
    await ship_at_walmart(world, changed)
    await world.walmart.post(f"/simulator/orders/{changed}/return", json={})
    await world.fault(paused, "throttle", delay=60, times=None)
    await run(world)
    found = await ask(world, "SELECT string_agg(purchase_order_id, ' ') FROM orders")
    assert (changed in found, await ask(world, "SELECT count(*) FROM returns")) == (
        True,
        0 if paused == "returns" else 1,
    )
    assert (new in found) or paused == "released"


async def test_a_store_with_a_long_import_yields_to_others_and_is_due_again_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_lists, "PAGE", 2)
    store = await world.a_store()
    await at_walmart(world, store, 6)
    hourly = Importer(world.context, Breaker(), every=3600, turn=0)
    seen = []
    for _ in range(3):
        assert await hourly.due() == [1]
        await hourly.run(1)
        seen.append(await known(world))
    assert seen == [2, 4, 6]
    assert await ask(world, "SELECT stopped FROM imports") is None
    await world.a_store()
    # A store that was never read comes first.
    assert await hourly.due() in ([2, 1], [2])


async def test_a_list_longer_than_walmarts_limit_is_read_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_lists, "MOST_LISTED", 3)
    monkeypatch.setattr(order_lists, "PAGE", 2)
    store = await world.a_store()
    await at_walmart(world, store, 5)
    tally = await run(world)
    assert (tally.stopped, tally.whole_orders, await known(world)) == (None, True, 5)


async def test_pages_that_are_too_large_are_requested_smaller(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await world.a_store()
    await at_walmart(world, store, 9)
    monkeypatch.setattr(exchange, "MAX_ANSWER_BYTES", 6_000)
    tally = await run(world)
    assert (tally.stopped, tally.whole_orders, await known(world)) == (None, True, 9)


async def test_a_cursor_that_walmart_refuses_is_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_lists, "PAGE", 2)
    store = await world.a_store()
    await at_walmart(world, store, 5)
    await world.fault("list", "slow", delay=0, times=2)
    await world.fault("list", "refuse", code="INVALID_REQUEST_PARAM.GMP_ORDER_API", times=2)
    for _ in range(2):
        assert (await run(world)).stopped is not None
    assert await ask(world, "SELECT cursor FROM import_places WHERE list = 'changed'") is None
    tally = await run(world)
    assert (tally.stopped, tally.whole_orders, await known(world)) == (None, True, 5)


async def test_an_old_cursor_is_dropped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_lists, "PAGE", 2)
    store = await world.a_store()
    await at_walmart(world, store, 5)
    await world.fault("list", "slow", delay=0, times=2)
    await world.fault("list", "throttle")
    assert (await run(world)).orders == 2
    await pauses_end(world)
    older = "UPDATE import_places SET begun_at = begun_at - interval '2 hours' WHERE list = :list"
    await ask(world, f"{older} RETURNING 1", list="changed")
    tally = await run(world)
    assert (tally.orders, tally.whole_orders, await known(world)) == (5, True, 5)


async def test_a_cycle_of_pages_is_ended(world: World) -> None:
    await world.a_store()

    def page(request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if "WFS" in url or "/v3/orders?" not in url:
            return httpx.Response(404, json={"error": [{"code": "CONTENT_NOT_FOUND.GMP"}]})
        meta = {"nextCursor": "?page=b" if "page=a" in url else "?page=a"}
        elements = {"order": [{"purchaseOrderId": "1796330129999"}]}
        return httpx.Response(200, json={"list": {"meta": meta, "elements": elements}})

    walmart = respx.MockRouter(base_url="https://walmart.test", assert_all_called=False)
    token = {"access_token": "token", "expires_in": 900}
    walmart.post("/v3/token").respond(json=token)
    asked = walmart.get(url__regex=r".*").mock(side_effect=page)
    async with Http(httpx.MockTransport(walmart.async_handler), timeout=5) as http:
        client = WalmartClient(
            http, base_url="https://walmart.test", timeout=5, now=lambda: datetime.now(UTC)
        )
        context = replace(world.context, walmart=client)
        tally = await Importer(context, Breaker(), ALWAYS).run(1)
    assert tally is not None
    assert tally.stopped == "Waybill stopped reading Walmart: Walmart's pages lead in a circle."
    assert tally.whole_returns
    assert len([each for each in asked.calls if "page=" in str(each.request.url)]) == 2
    stopped = "SELECT stopped FROM import_places WHERE list = 'changed'"
    assert await ask(world, stopped) == tally.stopped


async def test_every_page_of_returns_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returns, "PAGE", 1)
    store = await world.a_store()
    for number in await at_walmart(world, store, 3):
        await ship_at_walmart(world, number)
        await world.walmart.post(f"/simulator/orders/{number}/return", json={})
    assert (await run(world)).returns == 3
    assert await ask(world, "SELECT count(*) FROM returns") == 3


async def test_every_page_of_orders_to_acknowledge_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_lists, "PAGE", 1)
    store = await world.a_store()
    await at_walmart(world, store, 3, status="Created")
    # Only the list of unacknowledged orders can find them.
    await world.fault("list", "throttle", delay=60)
    await run(world)
    assert await known(world) == 3


async def test_an_order_that_appears_late_in_walmarts_list_is_read(world: World) -> None:
    store = await world.a_store()
    await run(world)
    await world.at_walmart(1, store=store)
    # As if that run had been minutes later, with a list that did not contain the order yet.
    later = "UPDATE import_places SET read_until = read_until + interval '9 minutes' RETURNING 1"
    await ask(world, later)
    await run(world)
    assert await known(world) == 1


async def mending(world: World, count: int) -> asyncio.Task[ImportTotals]:
    """A run that reads orders one by one, slowly, and has started with the first."""
    numbers = await at_walmart(world, await world.a_store(), count)
    await run(world)
    await ship_at_walmart(world, *numbers)
    await world.fault("read", "slow", delay=0.3, times=count)
    running = asyncio.create_task(run(world))
    await reads(world, 1)
    return running


async def reads(world: World, count: int) -> None:
    async with limited():
        while len(await world.calls("read")) < count:
            await asyncio.sleep(0.01)


async def test_the_lease_is_renewed_while_the_orders_of_a_page_are_read(world: World) -> None:
    running = await mending(world, 3)
    await ask(world, "UPDATE imports SET leased_until = now() + interval '20 s' RETURNING 1")
    await reads(world, 3)
    assert await ask(world, "SELECT leased_until > now() + interval '30 s' FROM imports")
    assert (await running).changed == 3


async def test_an_importer_that_lost_its_lease_writes_nothing(world: World) -> None:
    running = await mending(world, 2)
    positions = "SELECT string_agg(p::text, ' ' ORDER BY list) FROM import_places p"
    before = await ask(world, positions)
    await ask(world, "UPDATE imports SET lease_token = gen_random_uuid() RETURNING 1")
    tally = await running
    assert tally.stopped == "Another process took the store over."
    assert await ask(world, "SELECT sum(shipped) FROM order_lines") == 0
    assert await ask(world, positions) == before
    assert await ask(world, "SELECT lease_token IS NOT NULL FROM imports")


async def test_retries_of_an_order_become_less_frequent(world: World) -> None:
    await world.a_store()
    waits = []
    for _ in range(8):
        async with world.database.begin() as connection:
            await retries.postpone(connection, 1, "1", "x")
            question = "SELECT round(extract(epoch FROM due_at - now())) FROM import_retries"
            waits.append(int((await connection.execute(sa.text(question))).scalar_one()))
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_a_postponed_order_locked_by_another_session_is_read_once_in_a_turn(
    world: World,
) -> None:
    store = await world.a_store()
    (number,) = await at_walmart(world, store, 1)
    order = await world.imported(number, store)
    sent = await ship.ship(world.context, order.id, a_package("1ZA"), actor="test")
    await ship_at_walmart(world, number)
    sending = "UPDATE updates SET state = 'sending', active = true, lease_token = id,"
    leased = " leased_until = now() + interval '90 s', leased_by = 'another' WHERE id = :id"
    await ask(world, f"{sending}{leased} RETURNING 1", id=sent.shipment.update.id)
    async with world.database.begin() as connection:
        await retries.postpone(connection, 1, number, "x")
    await retries_are_due(world)
    before = len(await world.calls("read"))
    tally = await run(world, turn=1.0)
    assert len(await world.calls("read")) - before == 1
    assert (tally.changed, tally.stopped) == (0, None)
    assert await ask(world, "SELECT due_at > now() AND tries = 1 FROM import_retries")


async def test_an_internal_error_in_one_list_does_not_affect_the_others(world: World) -> None:
    store = await world.a_store()
    (number,) = await at_walmart(world, store, 1)
    await ship_at_walmart(world, number)
    await world.walmart.post(f"/simulator/orders/{number}/return", json={})
    async with world.database.begin() as connection:
        check = "ALTER TABLE import_places ADD CHECK (list <> 'changed' OR stopped IS NOT NULL)"
        await connection.execute(sa.text(check))
    tally = await run(world)
    assert tally.stopped == "Internal error in Waybill: IntegrityError."
    assert (tally.returns, tally.whole_orders, tally.whole_returns) == (1, False, True)
    stopped = "SELECT stopped FROM import_places WHERE list = 'changed'"
    assert await ask(world, stopped) == tally.stopped
