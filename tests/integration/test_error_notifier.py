"""The error notifier: new errors of a store are sent once, soon, without the buyer, in isolation."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Invalid
from app.domain.outbox.outcome import Pause
from app.domain.outbox.rate_limits import CallReport, Endpoint
from app.domain.update import State
from app.http_client.ssrf_guard import INTERNAL_ALLOWED
from app.http_client.transport import open_http
from app.http_client.webhook_sender import WebhookSender
from app.storage import queries, rate_limits
from app.storage.queries.views import OrderView, StoreView
from app.storage.returns import returns
from app.storage.tables import commerce_events
from app.usecases.orders import ship
from app.usecases.stores import manage
from app.usecases.updates import retry
from app.worker.maintenance.error_notifier import ErrorNotifier
from tests.builders import a_package
from tests.harness.pollers import BREAKER
from tests.harness.server import serving
from tests.harness.waiting import limited
from tests.harness.world import World

SECRET = "a-secret-of-the-merchant"


class Inbox:
    """A webhook receiver: records its messages, and answers as set."""

    def __init__(self) -> None:
        self.status = 200
        self.url = ""
        self.got: list[tuple[str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.arrived = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for what in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{what}.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.headers.append(headers)
        self.got.append((headers["waybill-signature"], body))
        self.arrived.set()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    opened = Inbox()
    async with serving(opened) as url:
        opened.url = f"{url}/hooks/T0?sig=part-of-the-address"
        yield opened


@pytest.fixture
async def notifier(world: World) -> AsyncIterator[ErrorNotifier]:
    async with open_http(timeout=2, max_connections=5, guard=INTERNAL_ALLOWED) as http:
        webhook_sender = WebhookSender(http, timeout=2, now=lambda: datetime.now(UTC))
        yield ErrorNotifier(world.context, webhook_sender, "https://waybill.example/")


async def a_store(world: World, inbox: Inbox, **changes: Any) -> StoreView:
    settings = {"notifications_url": inbox.url, "notifications_secret": SECRET}
    return await world.a_store(**{**settings, **changes})


async def failed(world: World, *orders: OrderView) -> list[Any]:
    """Let Walmart refuse a shipment of each order."""
    updates = []
    for number, order in enumerate(orders):
        await world.fault(
            "shipping", "refuse", field="methodCode", description="It is not supported"
        )
        shipped = await ship.ship(world.context, order.id, a_package(f"1Z{number}"), actor="test")
        # The test runs the notifier itself.
        updates += await world.deliver_until(
            shipped.shipment.update.id, without="error_notifications"
        )
    assert {update.state for update in updates} == {"failed"}
    return [update.id for update in updates]


async def later(world: World, seconds: float = 60) -> None:
    """Move the queues' times back by this much."""
    async with world.database.begin() as connection:
        statement = sa.text(
            "UPDATE notification_queues SET due_at = due_at - make_interval(secs => :s), "
            "failing_since = failing_since - make_interval(secs => :s)"
        )
        await connection.execute(statement, {"s": seconds})


# What is to be sent: what happened, and messages that were made of it.
_WAITING = sa.text(
    "SELECT (SELECT count(*) FROM notifications) + (SELECT count(*) FROM notification_messages "
    "WHERE delivered_at IS NULL AND given_up_at IS NULL)"
)


async def waiting(world: World) -> int:
    async with world.database.begin() as connection:
        found = await connection.execute(_WAITING)
        return int(found.scalar_one())


async def shown(world: World, store: StoreView) -> StoreView:
    async with world.database.begin() as connection:
        view = await queries.store(connection, store.id)
    assert view is not None
    return view


async def test_a_failed_update_is_sent_once_signed_and_without_the_buyer(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox)
    order = await world.an_order(2, store=store)
    await failed(world, order)
    await notifier.work()
    await later(world)
    await notifier.work()
    ((signature, body),) = inbox.got
    at = signature.partition(",")[0].removeprefix("t=")
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature == f"t={at},v1={digest}"
    (message,) = inbox.messages
    assert message["store"] == {"id": str(store.id), "code": store.code, "name": store.name}
    (error,) = message["errors"]
    assert (error["what"], error["kind"], error["count"]) == ("update", "shipment", 1)
    assert error["url"].startswith(
        f"https://waybill.example/v1/updates?state=failed&store_id={store.id}&kind=shipment&code="
    )
    assert error["url"] in message["text"]
    for private in (order.purchase_order_id, "1Z0", SECRET):
        assert private not in body.decode()
    assert await waiting(world) == 0


async def test_many_errors_at_once_are_one_message_and_the_next_comes_a_minute_later(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox)
    orders = [await world.an_order(1, store=store) for _ in range(4)]
    await failed(world, *orders[:3])
    await notifier.work()
    await failed(world, orders[3])
    await notifier.work()
    assert [message["total"] for message in inbox.messages] == [3]
    await later(world)
    await notifier.work()
    assert [message["total"] for message in inbox.messages] == [3, 1]


async def test_an_automatic_retry_is_not_sent_and_one_that_fails_again_is(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox)
    order = await world.an_order(1, store=store)
    await world.fault("shipping", "error", times=3, status=503)
    (update_id,) = await failed(world, order)
    assert await waiting(world) == 1
    await notifier.work()
    await world.fault("shipping", "refuse", field="methodCode", description="It is not supported")
    await retry.retry(world.context, update_id, override_cancel_request=False, actor="test")
    await world.deliver_until(update_id, without="error_notifications")
    assert await waiting(world) == 1


async def test_an_unreadable_order_and_a_paused_lane_are_sent(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox)
    order = await world.an_order(1, store=store)
    async with world.database.begin() as connection:
        statement = sa.text("""UPDATE orders SET import_error = '{"code": "order_unreadable"}'""")
        await connection.execute(statement)
        now = await rate_limits.now(connection)
        pause = Pause("*", "credentials_rejected", timedelta(seconds=300))
        reports = CallReport(store.store_id, Endpoint.ALL, now, now, pause=pause)
        for _ in range(3):
            await rate_limits.record(connection, [reports], BREAKER)
    await notifier.work()
    (message,) = inbox.messages
    sent = {(each["what"], each["code"]): each["url"] for each in message["errors"]}
    assert sent == {
        ("order", "order_unreadable"): (
            f"https://waybill.example/v1/orders?status=error&store_id={store.id}"
        ),
        ("lane", "credentials_rejected"): f"https://waybill.example/v1/stores/{store.id}",
    }
    assert order.purchase_order_id not in message["text"]


async def test_an_undelivered_message_is_retried_and_given_up_visibly_after_a_day(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox)
    await failed(world, await world.an_order(1, store=store))
    inbox.status = 500
    await notifier.work()
    (detail,) = (await shown(world, store)).status_details
    assert (detail.code, "500" in detail.message) == ("notifications_failing", True)
    assert await waiting(world) == 1
    await notifier.work()
    assert len(inbox.got) == 1
    await later(world, 86_400)
    await notifier.work()
    assert len(inbox.got) == 2
    (detail,) = (await shown(world, store)).status_details
    assert (detail.code, detail.message[:24]) == (
        "notifications_given_up",
        "1 notifications were not",
    )
    assert await waiting(world) == 0
    # The next delivered message clears the error.
    inbox.status = 204
    await failed(world, await world.an_order(1, store=store))
    await later(world)
    await notifier.work()
    assert (await shown(world, store)).status_details == ()


async def test_an_error_that_is_rolled_back_is_not_sent(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox)
    order = await world.an_order(1, store=store)
    await ship.ship(world.context, order.id, a_package("1Z1"), actor="test")
    async with world.database.begin() as connection:
        savepoint = await connection.begin_nested()
        await connection.execute(sa.text("UPDATE updates SET state = 'failed'"))
        await savepoint.rollback()
    await notifier.work()
    assert inbox.got == []


async def test_a_store_without_a_webhook_costs_nothing_and_removing_it_stops_messages(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    quiet = await world.a_store()
    await failed(world, await world.an_order(1, store=quiet))
    assert await waiting(world) == 0
    store = await a_store(world, inbox)
    await failed(world, await world.an_order(1, store=store))
    none = manage.StoreChanges(notifications_url=None, notifications_secret=None)
    await manage.change(world.context, store.id, none, actor="test")
    await notifier.work()
    assert (inbox.got, await waiting(world)) == ([], 0)


async def test_a_poller_sends_notifications_beside_its_work(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox)
    await failed(world, await world.an_order(1, store=store))
    order = await world.an_order(1, store=store)
    shipped = await ship.ship(world.context, order.id, a_package("1Z9"), actor="test")
    poller = world.poller(webhook_sender=notifier.webhook_sender)
    stop = asyncio.Event()
    async with limited(), asyncio.TaskGroup() as group:
        group.create_task(poller.run(stop))
        await inbox.arrived.wait()
        while (await world.update(shipped.shipment.update.id)).state != State.CONFIRMED:
            await asyncio.sleep(0.02)
        stop.set()
    assert [message["total"] for message in inbox.messages] == [1]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://169.254.169.254/latest", "address_forbidden"),
        ("http://203.0.113.7/hook", "address_forbidden"),
        ("https://me:secret@hooks.example/", "notifications_url_invalid"),
        ("mailto:ops@example.com", "notifications_url_invalid"),
    ],
)
async def test_a_forbidden_address_is_refused(world: World, url: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        await world.a_store(notifications_url=url, notifications_secret=SECRET)
    assert code in {problem.code for problem in refused.value.problems}


async def test_an_unreadable_return_and_a_refused_commerce_event_are_sent(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    await a_store(world, inbox)
    number = world.context.new_id(1)
    async with world.database.begin() as connection:
        error = {"code": "return_unreadable", "message": "?", "suggestion": "!", "occurred_at": "-"}
        for _ in range(2):
            await returns.save_unreadable(connection, 1, {"106": error}, world.context.new_id)
        refused = sa.insert(commerce_events).values(
            store_id=1,
            id=number,
            reference="commerce-shipment-45",
            about="shipment",
            commerce_order_id=7,
            content={},
            state="refused",
            code="tracking_number_required",
            message="It has no track.",
        )
        await connection.execute(refused)
        await connection.execute(sa.update(commerce_events).values(state="done"))
        await connection.execute(sa.update(commerce_events).values(state="refused"))
    await notifier.work()
    (message,) = inbox.messages
    found = {(each["what"], each["code"]): each["count"] for each in message["errors"]}
    assert found == {
        ("return", "return_unreadable"): 1,
        ("commerce_event", "tracking_number_required"): 2,
    }
    links = sorted(each["url"].partition("?")[0] for each in message["errors"])
    assert links == [
        "https://waybill.example/v1/commerce-events",
        "https://waybill.example/v1/returns",
    ]
