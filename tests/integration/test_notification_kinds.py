"""Further kinds of notifications: chosen, once for each occurrence, kept, and replayed."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.cli import notifications as command
from app.domain.notification_kind import NotificationKind
from app.domain.outbox.outcome import Pause
from app.domain.outbox.rate_limits import CallReport, Endpoint
from app.storage import queries, rate_limits
from app.storage.orders import ship_by
from app.storage.queries.views import OrderView, StoreView
from app.storage.removal import expired
from app.storage.tables import order_lines, orders
from app.usecases.stores import manage
from app.worker.maintenance.error_notifier import ErrorNotifier
from tests.harness.outbox import KEY
from tests.harness.pollers import BREAKER, SETTINGS
from tests.harness.server import serving
from tests.harness.world import World
from tests.integration import test_reconcile, test_returns
from tests.integration.test_error_notifier import SECRET, Inbox, failed, later, shown, waiting

ALL = tuple(NotificationKind)


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    opened = Inbox()
    async with serving(opened) as url:
        opened.url = f"{url}/hooks"
        yield opened


@pytest.fixture
def notifier(world: World) -> ErrorNotifier:
    return ErrorNotifier(world.context, world.context.webhook_sender, "https://waybill.example/")


async def a_store(world: World, inbox: Inbox, *kinds: NotificationKind) -> StoreView:
    return await world.a_store(
        notifications_url=inbox.url, notifications_secret=SECRET, notifications_kinds=kinds
    )


async def everything_happens(world: World, store: StoreView) -> OrderView:
    """A return, an order near its ship-by time that differs, and keys that are rejected."""
    returned = await world.an_order(1, store=store)
    path = f"/simulator/orders/{returned.purchase_order_id}"
    (await world.walmart.post(f"{path}/ship", json={})).raise_for_status()
    (await world.walmart.post(f"{path}/return", json={})).raise_for_status()
    order = await world.an_order(2, store=store)
    async with world.database.begin() as connection:
        soon = datetime.now(UTC) + timedelta(minutes=30)
        near = sa.update(orders).where(orders.c.id == order.id).values(ship_by=soon)
        await connection.execute(near)
        # One more unit than Walmart shows.
        more = sa.update(order_lines).where(order_lines.c.order_id == order.id).values(shipped=1)
        await connection.execute(more)
        now = await rate_limits.now(connection)
        pause = Pause("*", "credentials_rejected", timedelta(seconds=300))
        reports = CallReport(store.store_id, Endpoint.ALL, now, now, pause=pause)
    for _ in range(2):
        await ship_by.mark(world.database, 3600, world.context.new_id)
        await test_reconcile.run(world)
        await test_returns.run(world)
    async with world.database.begin() as connection:
        await rate_limits.record(connection, [reports], BREAKER)
    return order


async def test_each_chosen_kind_is_a_message_that_names_each_occurrence_once(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox, *ALL)
    order = await everything_happens(world, store)
    for _ in range(2):
        await notifier.work()
        await later(world)
    found = {message["type"]: message for message in inbox.messages}
    assert sorted(found) == sorted(set(ALL) - {NotificationKind.ERRORS})
    assert len(inbox.messages) == len(found)
    link = "https://waybill.example/v1"
    named: dict[str, dict[str, Any]] = {
        "ship_by_near": {"order_id": str(order.id), "url": f"{link}/orders/{order.id}"},
        "drift": {"order_id": str(order.id), "causes": ["missing_at_walmart"]},
        "credentials_rejected": {"code": "credentials_rejected", "endpoint": "*"},
        "return_received": {},
    }
    for kind, about in named.items():
        (occurrence,) = found[kind]["occurrences"]
        assert about.items() <= occurrence.items()
        assert (found[kind]["total"], found[kind]["more"]) == (1, False)
        assert occurrence["id"].startswith(str(store.id))
        assert found[kind]["page"] in found[kind]["text"]
    (returned,) = found["return_received"]["occurrences"]
    assert returned["url"] == f"{link}/returns/{returned['return_id']}"
    for private in (order.purchase_order_id, order.customer_order_id, SECRET):
        assert private
        assert private not in json.dumps(inbox.messages)
    assert await waiting(world) == 0


async def test_a_store_that_chose_nothing_gets_errors_as_before(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await world.a_store(notifications_url=inbox.url, notifications_secret=SECRET)
    await everything_happens(world, store)
    await notifier.work()
    (message,) = inbox.messages
    assert [(each["what"], each["code"]) for each in message["errors"]] == [
        ("lane", "credentials_rejected")
    ]


async def test_a_store_without_errors_gets_only_what_it_chose(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox, NotificationKind.SHIP_BY_NEAR)
    await failed(world, await world.an_order(1, store=store))
    await everything_happens(world, store)
    await notifier.work()
    (message,) = inbox.messages
    assert (message["type"], message["total"]) == ("ship_by_near", 1)


async def test_a_message_is_the_same_whenever_it_is_sent(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox, *ALL)
    await failed(world, await world.an_order(1, store=store))
    inbox.status = 500
    await notifier.work()
    await failed(world, await world.an_order(1, store=store))
    inbox.status = 200
    for _ in range(2):
        await later(world)
        await notifier.work()
    first, again, second = inbox.messages
    assert first == again
    assert (first["total"], second["total"]) == (1, 1)
    assert second["id"] != first["id"]
    assert [each["webhook-id"] for each in inbox.headers] == [
        message["id"] for message in inbox.messages
    ]


async def replayed(world: World, store: StoreView, *kinds: NotificationKind, **wanted: Any) -> str:
    """Run the command in a thread, as it has an event loop of its own. Returns what it prints."""
    changes = {
        "database_url": world.url,
        "encryption_keys": [KEY],
        "walmart_base_url": "http://x",
        "notification_private_networks": "allow",
    }
    settings = type(SETTINGS)(_env_file=None, **changes)  # type: ignore[arg-type]
    begin = datetime.now(UTC) - timedelta(days=1)
    printed: list[str] = []

    def run() -> None:
        options = {"begin": begin, "kinds": kinds, "everything": False, **wanted}
        try:
            printed.extend(command.run(settings, store=store.code, **options))
        except command.NotAllSent:
            printed.append("not all")

    await asyncio.to_thread(run)
    return "\n".join(printed)


async def test_messages_that_were_given_up_are_replayed_with_their_ids(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox, *ALL)
    await failed(world, await world.an_order(1, store=store))
    inbox.status = 500
    await notifier.work()
    await later(world, 86_400)
    await notifier.work()
    assert [each.code for each in (await shown(world, store)).status_details] == [
        "notifications_given_up"
    ]
    assert "0 sent, 1 failed" in await replayed(world, store)
    inbox.status = 200
    assert "0 sent, 0 failed" in await replayed(world, store, NotificationKind.DRIFT)
    before = len(inbox.got)
    assert "1 sent, 0 failed" in await replayed(world, store)
    assert len({message["id"] for message in inbox.messages}) == 1
    assert (await shown(world, store)).status_details == ()
    # It has arrived now; only --all sends it again.
    assert "0 sent, 0 failed" in await replayed(world, store)
    assert "1 sent, 0 failed" in await replayed(world, store, everything=True)
    assert len(inbox.got) == before + 2
    async with world.database.begin() as connection:
        acts = await connection.execute(
            sa.text("SELECT actor FROM audit WHERE what = 'notifications_replayed'")
        )
        assert {row.actor for row in acts} == {"command line"}
        await connection.execute(
            sa.text("UPDATE notification_messages SET created_at = now() - interval '31 days'")
        )
    assert await expired.MESSAGES.remove(world.database, 30) == 1


async def test_a_replay_ends_early_where_the_receiver_is_away(
    world: World, inbox: Inbox, notifier: ErrorNotifier
) -> None:
    store = await a_store(world, inbox, NotificationKind.ERRORS)
    order = await world.an_order(1, store=store)
    for _ in range(5):
        async with world.database.begin() as connection:
            for error in (None, '{"code": "order_unreadable"}'):
                await connection.execute(
                    sa.text(
                        "UPDATE orders SET import_error = CAST(:error AS jsonb) WHERE id = :id"
                    ),
                    {"error": error, "id": order.id},
                )
        await notifier.work()
        await later(world)
    assert len(inbox.got) == 5
    inbox.status = 503
    said = await replayed(world, store, everything=True)
    assert "0 sent, 3 failed" in said
    assert "the receiver is away" in said
    assert "not all" in said
    off = manage.StoreChanges(notifications_url=None, notifications_secret=None)
    await manage.change(world.context, store.id, off, actor="test")
    with pytest.raises(command.CannotReplay):
        await replayed(world, store)
    async with world.database.begin() as connection:
        view = await queries.store(connection, store.id)
    assert view is not None
    assert view.notifications is None
