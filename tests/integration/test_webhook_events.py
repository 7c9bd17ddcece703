"""Walmart's webhooks lead to a read of the order: also late, repeated, forged and lost ones."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.commerce.adobe_keys import AdobeKeys
from app.domain.outbox.rate_limits import Breaker
from app.storage import queries
from app.storage.imports import webhook_inbox
from app.storage.queries.views import OrderView, ReturnRequestedView, StoreView
from app.storage.removal import expired
from app.usecases.stores import walmart_webhooks
from app.worker.importer.importer import Importer
from app.worker.importer.webhook_events import WebhookEventReader
from app.worker.maintenance.scheduler import MaintenanceScheduler
from tests.harness.pollers import BREAKER
from tests.harness.server import serving
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.web.conftest import app_of, client_of
from tests.tls import TLS


@pytest.fixture
def app(world: World) -> FastAPI:
    return app_of(world, AdobeKeys(httpx.AsyncClient(verify=TLS)))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, key=None) as opened:
        yield opened


async def subscribed(world: World, address: str = "http://waybill.test") -> StoreView:
    store = await world.a_store()
    await walmart_webhooks.subscribe(world.context, 1, f"{address}/webhooks/walmart/{store.id}")
    return store


async def secret(world: World) -> str:
    sealed = await ask(world, "SELECT webhook_secret FROM stores ORDER BY store_id")
    return world.context.cipher.open(sealed)


async def ask(world: World, question: str, **values: Any) -> Any:
    async with world.database.begin() as connection:
        return (await connection.execute(sa.text(question), values)).scalar()


def event(number: str | None, kind: str = "ORDER_UPDATES", **changes: Any) -> bytes:
    payload = {"subEventType": "PO_CREATED", "purchaseOrderId": number}
    source = {"eventType": kind, "eventId": str(uuid4()), "eventTime": "2026-11-23T10:00:00Z"}
    return json.dumps({"source": source, "payload": payload, **changes}).encode()


async def post(
    client: httpx.AsyncClient, store: UUID, body: bytes, signature: str | None
) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    if signature is not None:
        headers["X-Waybill-Signature"] = signature
    return await client.post(f"/webhooks/walmart/{store}", content=body, headers=headers)


def sign(body: bytes, key: str, form: str = "base64") -> str:
    digest = hmac.digest(key.encode(), body, hashlib.sha256)
    return digest.hex() if form == "hex" else base64.b64encode(digest).decode()


async def order_of(world: World, number: str) -> OrderView:
    found = await ask(world, "SELECT id FROM orders WHERE purchase_order_id = :n", n=number)
    return await world.order(found)


@pytest.mark.parametrize("form", ["base64", "hex"])
async def test_an_announced_order_is_read_from_walmart(
    world: World, client: httpx.AsyncClient, form: str
) -> None:
    store = await subscribed(world)
    number = await world.at_walmart(2, store=store, status="Created")
    body = event(number)
    answer = await post(client, store.id, body, sign(body, await secret(world), form))
    assert (answer.status_code, answer.json()) == (200, {"known": False})
    # No read happens while Walmart waits for the answer.
    assert await world.calls("read") == []
    await world.process_webhook_events()
    order = await order_of(world, number)
    assert order.item_count == 2
    await world.deliver_until(await ask(world, "SELECT id FROM updates"))


async def test_a_repeated_event_is_known_and_does_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await subscribed(world)
    number = await world.at_walmart(1, store=store)
    body = event(number)
    signature = sign(body, await secret(world))
    answers = [(await post(client, store.id, body, signature)).json() for _ in range(3)]
    assert [each["known"] for each in answers] == [False, True, True]
    await world.process_webhook_events()
    await world.process_webhook_events()
    assert len(await world.calls("read")) == 1


async def test_forgeries_are_refused_and_write_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await subscribed(world)
    other = await world.a_store(walmart_client_id="other")
    await walmart_webhooks.subscribe(world.context, 2, f"http://x/webhooks/walmart/{other.id}")
    key = await ask(world, "SELECT webhook_secret FROM stores WHERE store_id = 2")
    theirs, mine = world.context.cipher.open(key), await secret(world)
    body, changed = event("1796330120075"), event("1796330120076")
    unsubscribed = await world.a_store(walmart_client_id="third")
    forgeries = [
        (store.id, body, None),
        (store.id, body, ""),
        (store.id, body, "nonsense"),
        (store.id, body, sign(body, "guess")),
        (store.id, body, sign(body, theirs)),
        (store.id, changed, sign(body, mine)),
        (store.id, body + b" ", sign(body, mine)),
        (store.id, body, sign(body, mine)[:-4]),
        (other.id, body, sign(body, mine)),
        (unsubscribed.id, body, sign(body, "")),
    ]
    for path, data, signature in forgeries:
        answer = await post(client, path, data, signature)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    nowhere = await post(client, uuid4(), body, sign(body, mine))
    assert nowhere.status_code == 401
    assert await ask(world, "SELECT count(*) FROM webhook_events") == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"source": {"eventId": "1"}}'])
async def test_an_invalid_event_is_refused(
    world: World, client: httpx.AsyncClient, body: bytes
) -> None:
    store = await subscribed(world)
    answer = await post(client, store.id, body, sign(body, await secret(world)))
    assert (answer.status_code, answer.json()["code"]) == (422, "notification_invalid")


@pytest.mark.parametrize(
    "payload",
    [
        {"meta": {"subEventType": "FRAUD_CANCEL"}, "order": {"purchaseOrderId": "PO"}},
        {"orders": [{"purchaseOrderId": "PO", "orderLines": []}]},
        {"purchaseOrderId": "PO", "somethingNew": {"purchaseOrderId": "other"}},
    ],
)
async def test_the_order_number_is_found_anywhere_in_the_payload(
    world: World, client: httpx.AsyncClient, payload: dict[str, Any]
) -> None:
    store = await subscribed(world)
    number = await world.at_walmart(1, store=store)
    body = json.loads(event(None))
    body["payload"] = json.loads(json.dumps(payload).replace("PO", number))
    data = json.dumps(body).encode()
    await post(client, store.id, data, sign(data, await secret(world)))
    await world.process_webhook_events()
    assert (await order_of(world, number)).purchase_order_id == number


async def test_an_event_waits_while_walmart_is_unavailable(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await subscribed(world)
    number = await world.at_walmart(1, store=store)
    body = event(number)
    await post(client, store.id, body, sign(body, await secret(world)))
    await world.fault("read", "error")
    await world.process_webhook_events()
    assert await ask(world, "SELECT processed_at FROM webhook_events") is None
    await ask(world, "UPDATE webhook_events SET due_at = now() RETURNING 1")
    await world.process_webhook_events()
    assert await ask(world, "SELECT outcome FROM webhook_events") == "imported"


async def test_an_event_that_keeps_failing_is_left_to_polling(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await subscribed(world)
    body = event("1796999999999")
    await post(client, store.id, body, sign(body, await secret(world)))
    for _ in range(12):
        await ask(world, "UPDATE webhook_events SET due_at = now() RETURNING 1")
        await world.process_webhook_events()
    assert (await ask(world, "SELECT outcome FROM webhook_events")).startswith("left to polling")
    assert len(await world.calls("read")) == 10


async def test_two_pollers_process_an_event_once(world: World, client: httpx.AsyncClient) -> None:
    store = await subscribed(world)
    for _ in range(4):
        body = event(await world.at_walmart(1, store=store))
        await post(client, store.id, body, sign(body, await secret(world)))
    await asyncio.gather(*(world.process_webhook_events() for _ in range(4)))
    assert len(await world.calls("read")) == 4


async def test_the_simulators_events_arrive_signed(world: World, app: FastAPI) -> None:
    """The whole way: subscribe, let a buyer order, request a cancellation, and return units."""
    async with serving(app) as address:
        store = await subscribed(world, address)

        async def settled(number: int) -> None:
            async with limited():
                while await ask(world, "SELECT count(*) FROM webhook_events") < number:
                    await asyncio.sleep(0.02)
            await world.process_webhook_events()

        number = await world.at_walmart(2, store=store, status="Created")
        await settled(1)
        order = await order_of(world, number)
        await world.walmart.post(f"/simulator/orders/{number}/intent-to-cancel", json={})
        await settled(2)
        assert (await world.order(order.id)).cancel_requested is not None
        lines = [{"line_number": "1", "quantity": 1, "reason": "AUTO"}]
        await world.walmart.post(f"/simulator/orders/{number}/cancel", json={"lines": lines})
        await settled(3)
        assert (await world.order(order.id)).lines[0].quantity.canceled == 1
        await world.walmart.post(f"/simulator/orders/{number}/ship", json={})
        await world.walmart.post(f"/simulator/orders/{number}/return", json={})
        await settled(4)
        assert (await world.order(order.id)).return_requested == ReturnRequestedView(
            1, f"/v1/returns?order_id={order.id}"
        )


async def test_subscribing_again_leaves_one_subscription_of_each_type(world: World) -> None:
    store = await subscribed(world)
    before = await secret(world)
    url = f"http://waybill.test/webhooks/walmart/{store.id}"
    kinds = await walmart_webhooks.subscribe(world.context, 1, url)
    assert "ORDER_UPDATES" in kinds
    account = await world.context.account(1)
    found = await world.context.walmart.webhooks.subscriptions(account)
    assert sorted(each.event_type for each in found) == kinds
    assert await secret(world) != before


async def announced(world: World, store_id: int, *numbers: str) -> None:
    async with world.database.begin() as connection:
        for number in numbers:
            event = webhook_inbox.NewWebhookEvent(
                store_id, str(uuid4()), "ORDER_UPDATES", number, None
            )
            await webhook_inbox.add(connection, event)


@asynccontextmanager
async def held_up(world: World, store_id: int) -> AsyncIterator[None]:
    """A store with results that cannot be recorded for a while, as if its Walmart hung."""
    async with world.database.begin() as connection:
        lanes = sa.text("SELECT 1 FROM lanes WHERE store_id = :store_id FOR UPDATE")
        await connection.execute(lanes, {"store_id": store_id})
        yield


def maintenance(world: World, *, import_interval: float = 0.0) -> MaintenanceScheduler:
    """All jobs of a poller. Without an interval it imports only orders named by events."""
    return world.poller(poll_interval=0.01, import_interval=import_interval).maintenance


@asynccontextmanager
async def keeping(kept: MaintenanceScheduler) -> AsyncIterator[None]:
    running = asyncio.create_task(kept.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(world: World, question: str) -> None:
    async with limited():
        while not await ask(world, question):
            await asyncio.sleep(0.01)


async def test_a_hanging_store_does_not_delay_the_events_of_others(world: World) -> None:
    hanging, store = await world.a_store(), await world.a_store()
    number = await world.at_walmart(1, store=store, status="Created")
    await announced(world, 1, *(f"99{n}" for n in range(50)))
    await announced(world, 2, number)
    processed = "SELECT count(*) FROM webhook_events WHERE store_id = 2 AND outcome = 'imported'"
    async with held_up(world, 1), keeping(maintenance(world)):
        await until(world, processed)
        asked = [each["client_id"] for each in await world.calls("read")]
        assert asked.count(hanging.walmart.client_id) <= webhook_inbox.FEW


async def test_a_hanging_store_does_not_delay_the_next_imports_of_others(world: World) -> None:
    await world.a_store()
    await world.a_store()
    runs = "SELECT finished_at > started_at FROM imports WHERE store_id = 2"
    async with held_up(world, 1), keeping(maintenance(world, import_interval=0.000001)):
        for _ in range(3):
            await until(world, runs)
            await ask(world, "UPDATE imports SET finished_at = NULL WHERE store_id = 2 RETURNING 1")
        assert await ask(world, "SELECT finished_at FROM imports WHERE store_id = 1") is None


async def test_a_store_with_a_paused_lane_is_not_called_and_loses_no_try(world: World) -> None:
    store = await world.a_store()
    number = await world.at_walmart(1, store=store)
    await announced(world, 1, number)
    pause = "UPDATE lanes SET paused_until = now() + interval '1 hour' WHERE endpoint = :e"
    end = "UPDATE lanes SET paused_until = '-infinity' RETURNING 1"
    for endpoint in ("*", "read_order"):
        await ask(world, f"{pause} RETURNING 1", e=endpoint)
        assert await WebhookEventReader(world.context, BREAKER).due() == []
        # One that was claimed just before the lane was paused.
        await WebhookEventReader(world.context, BREAKER).process(1)
        assert await ask(world, "SELECT tries FROM webhook_events") == 0
        assert await ask(world, "SELECT due_at > now() + interval '50 min' FROM webhook_events")
        await ask(world, end)
        await ask(world, "UPDATE webhook_events SET due_at = now() RETURNING 1")
    assert await world.calls("read") == []
    await world.process_webhook_events()
    assert await ask(world, "SELECT outcome FROM webhook_events") == "imported"


async def test_a_pause_met_by_an_event_applies_to_all(world: World) -> None:
    store = await world.a_store()
    numbers = [await world.at_walmart(1, store=store) for _ in range(webhook_inbox.FEW + 3)]
    await announced(world, 1, *numbers)
    await world.fault("read", "throttle", delay=60, times=None)
    await world.process_webhook_events()
    assert await ask(
        world,
        "SELECT reason FROM lanes WHERE endpoint = 'read_order' AND paused_until > now()",
    ) == ("walmart_throttled")
    # The calls in flight together have met it; no further one is sent.
    assert len(await world.calls("read")) <= webhook_inbox.FEW
    assert await WebhookEventReader(world.context, BREAKER).due() == []


async def test_events_locked_by_another_session_are_skipped(world: World) -> None:
    await world.a_store()
    await announced(world, 1, "1", "2")
    async with world.database.begin() as one, world.database.begin() as other:
        held = "SELECT event_id FROM webhook_events ORDER BY due_at LIMIT 1 FOR UPDATE"
        first = (await one.execute(sa.text(held))).scalar()
        await other.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        (taken,) = await webhook_inbox.take(other, 1)
        assert taken.event_id != first


async def polled(world: World, grace: float = 0.0) -> Any:
    await Importer(world.context, Breaker(), every=0.000001, grace=grace).run(1)
    return await ask(world, "SELECT missed FROM imports")


async def test_a_change_without_an_event_is_found_by_polling_and_counted_once(
    world: World,
) -> None:
    store = await subscribed(world)
    await world.walmart.post("/simulator/webhooks", json={"silent": True})
    number = await at_this_moment(world, store)
    assert await polled(world, grace=3600) == 0
    assert [await polled(world) for _ in range(2)] == [1, 1]
    await world.walmart.post(f"/simulator/orders/{number}/intent-to-cancel", json={})
    assert [await polled(world) for _ in range(2)] == [2, 2]
    async with world.database.begin() as connection:
        assert (await queries.figures(connection)).missed == 2


async def test_a_change_with_an_event_or_without_an_event_type_is_not_counted_as_missed(
    world: World,
) -> None:
    store = await world.a_store()
    old = await world.at_walmart(2, store=store)
    assert await polled(world) == 0
    await walmart_webhooks.subscribe(
        world.context, 1, f"http://waybill.test/webhooks/walmart/{store.id}"
    )
    # From before the subscription, or shipped by a person in Seller Center.
    await world.at_walmart(1, store=store)
    await world.walmart.post(f"/simulator/orders/{old}/ship", json={})
    # Announced before polling, or after it and in time.
    early = await at_this_moment(world, store)
    await announced(world, 1, early)
    late = await at_this_moment(world, store)
    assert await polled(world, grace=3600) == 0
    await announced(world, 1, late)
    assert await polled(world) == 0
    assert await ask(world, "SELECT count(*) FROM webhooks_expected") == 0


async def at_this_moment(world: World, store: StoreView) -> str:
    """Let a buyer order now; the simulator's orders are a minute old by default."""
    return await world.at_walmart(2, store=store, ordered_at=int(time.time() * 1000))


async def test_old_events_are_deleted(world: World) -> None:
    await world.a_store()
    await ask(
        world,
        "INSERT INTO webhook_events (store_id, event_id, event_type, received_at) VALUES "
        "(1, 'a', 'X', now() - interval '8 days'), (1, 'b', 'X', now()) RETURNING 1",
    )
    assert await expired.WALMART_EVENTS.remove(world.database, 7) == 1
    assert await ask(world, "SELECT event_id FROM webhook_events") == "b"
