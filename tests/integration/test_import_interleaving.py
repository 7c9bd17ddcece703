"""Any interleaving of pages, webhooks and our own updates ends in the state that Walmart shows.

In each run buyers order, and then actions happen in any order: people ship and cancel in Seller
Center, buyers change their minds and return units, Walmart's webhooks come late, twice or never,
several importers read, Commerce ships and refunds, pollers deliver; also between the pages of a
run. Then either Walmart sends all webhooks and no importer runs, or an importer runs once and no
webhook is sent; the orders equal those of a single full read by another Waybill.
"""

import asyncio
import itertools
import os
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.domain.errors import OrderError
from app.domain.orders.requests import RequestedItem
from app.domain.orders.returns import RefundRequest
from app.domain.outbox.rate_limits import Breaker
from app.storage.imports import webhook_inbox
from app.storage.imports.webhook_inbox import NewWebhookEvent
from app.storage.queries.views import OrderView
from app.storage.returns import returns as storage
from app.usecases.context import AppContext
from app.usecases.orders import ship
from app.usecases.returns.refund import refund
from app.walmart.client import OrderPage, WalmartClient
from app.worker.importer.importer import Importer
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import World, open_world

RUNS = 8
Action = tuple[str, int]
WHAT = [
    "ship_by_hand", "cancel_by_hand", "request_cancellation", "send_back", "refund_by_walmart",
    "announce", "announce_again", "read_order", "import", "import_twice", "import_meanwhile",
    "ship", "refund", "deliver",
]  # fmt: skip
# How many of the following actions happen between the pages of import_meanwhile.
BETWEEN = 4
_sellers = itertools.count(1)
Between = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Do nothing between the pages, as in most runs."""


class Watched(WalmartClient):
    """A Walmart client that runs an action after each page of a list."""

    between: Between = staticmethod(_nothing)

    async def list_orders(self, *args: Any, **changes: Any) -> OrderPage:
        page = await super().list_orders(*args, **changes)
        await self.between()
        return page

    async def list_released(self, *args: Any, **changes: Any) -> OrderPage:
        page = await super().list_released(*args, **changes)
        await self.between()
        return page


class StoreActions:
    """One store with some orders, and the actions on them."""

    def __init__(self, world: World, store: Any, numbers: list[str], page_size: int = 200) -> None:
        self.world, self.store, self.numbers = world, store, numbers
        self.page_size = page_size
        self.announced: list[NewWebhookEvent] = []
        self.returns: list[str] = []
        self.tracking = itertools.count(1)

    async def play(self, actions: list[Action]) -> None:
        left = deque(actions)
        while left:
            what, which = left.popleft()
            if what == "import_meanwhile":
                await self.import_meanwhile(
                    [left.popleft() for _ in range(min(BETWEEN, len(left)))]
                )
            else:
                await self.act(what, which)

    async def import_meanwhile(self, actions: list[Action]) -> None:
        """A run with actions between its pages."""
        left = deque(actions)

        async def between() -> None:
            if left and left[0][0] != "import_meanwhile":
                await self.act(*left.popleft())

        watched = Watched(
            self.world.http,
            base_url=self.world.walmart_url,
            timeout=self.world.timeout,
            now=self.world.context.now,
        )
        watched.between = between
        context = replace(self.world.context, walmart=watched)
        await self.importer(context).run(self.store.store_id)

    async def act(self, what: str, which: int) -> None:
        work: Callable[[str], Awaitable[None]] = getattr(self, what)
        await work(self.numbers[which % len(self.numbers)])

    async def _post(self, path: str, **body: Any) -> Any:
        # An action that is no longer possible is refused, which is one of the cases.
        return await self.world.walmart.post(f"/simulator/{path}", json=body)

    async def ship_by_hand(self, number: str) -> None:
        line = {"line_number": "1", "quantity": 1, "tracking_number": f"HAND{next(self.tracking)}"}
        await self._post(f"orders/{number}/ship", lines=[line])

    async def cancel_by_hand(self, number: str) -> None:
        await self._post(f"orders/{number}/cancel", lines=[{"line_number": "1", "quantity": 1}])

    async def request_cancellation(self, number: str) -> None:
        await self._post(f"orders/{number}/intent-to-cancel")

    async def send_back(self, number: str) -> None:
        lines = [{"line_number": "1", "quantity": 1}]
        answer = await self._post(f"orders/{number}/return", lines=lines)
        if answer.status_code == 201:
            self.returns.append(answer.json()["returnOrderId"])

    async def refund_by_walmart(self, _: str) -> None:
        if self.returns:
            await self._post(f"returns/{self.returns[-1]}/refund")

    async def announce(self, number: str) -> None:
        returned = self.returns[-1] if self.returns and len(self.announced) % 2 else None
        self.announced.append(self._event(number, returned))
        await self._arrive(self.announced[-1])

    def _event(self, number: str | None, returned: str | None) -> NewWebhookEvent:
        return NewWebhookEvent(self.store.store_id, str(uuid4()), "ORDER_UPDATES", number, returned)

    async def announce_again(self, _: str) -> None:
        """Send the oldest webhook of all late and a second time."""
        if self.announced:
            await self._arrive(self.announced[0])

    async def _arrive(self, announced: NewWebhookEvent) -> None:
        async with self.world.database.begin() as connection:
            await webhook_inbox.add(connection, announced)

    async def read_order(self, _: str) -> None:
        await self.world.process_webhook_events()

    def importer(self, context: AppContext | None = None) -> Importer:
        context = context or self.world.context
        return Importer(context, Breaker(), every=0.000001, page_size=self.page_size)

    async def import_(self, _: str) -> None:
        await self.importer().run(self.store.store_id)

    async def import_twice(self, _: str) -> None:
        await asyncio.gather(
            self.importer().run(self.store.store_id),
            self.importer().run(self.store.store_id),
            self.read_order(""),
        )

    async def ship(self, number: str) -> None:
        order = await self.order(number)
        if order is None:
            return
        package = a_package(f"1Z{next(self.tracking)}", items=(RequestedItem(1, line_number="1"),))
        try:
            await ship.ship(self.world.context, order.id, package, actor="commerce")
        except OrderError:
            return

    async def refund(self, number: str) -> None:
        order = await self.order(number)
        if order is None:
            return
        async with self.world.database.begin() as connection:
            found = await storage.of_order(connection, self.store.store_id, number)
        for known in found:
            try:
                await refund(self.world.context, known.id, RefundRequest(), actor="commerce")
            except OrderError:
                continue

    async def deliver(self, _: str) -> None:
        async with self.world.polling():
            await asyncio.sleep(0.1)

    async def order(self, number: str) -> OrderView | None:
        question = sa.text(
            "SELECT id FROM orders WHERE store_id = :store AND purchase_order_id = :number"
        )
        values = {"store": self.store.store_id, "number": number}
        async with self.world.database.begin() as connection:
            found = (await connection.execute(question, values)).scalar()
        return await self.world.order(found) if found else None

    async def settle(self, *, by: str) -> None:
        """Bring everything to rest, with only one of the two ways of finding changes."""
        await self._rest()
        await self._read_postponed()
        for _ in range(2):
            await (self.announce_all() if by == "webhooks" else self.import_(""))
            await self._rest()
            await self._read_postponed()

    async def announce_all(self) -> None:
        """Send a webhook for every order and every return, the newest first."""
        for number in reversed(self.numbers):
            await self._arrive(self._event(number, None))
        for returned in reversed(self.returns):
            await self._arrive(self._event(None, returned))
        await self.read_order("")

    async def _rest(self) -> None:
        async with self.world.polling(), limited():
            while await self._open():
                await asyncio.sleep(0.02)

    async def _read_postponed(self) -> None:
        """Let time pass until postponed orders are read again."""
        async with self.world.database.begin() as connection:
            for table in ("import_retries", "webhook_events"):
                await connection.execute(sa.text(f"UPDATE {table} SET due_at = now()"))

    async def _open(self) -> int:
        question = sa.text(
            "SELECT count(*) FROM updates WHERE store_id = :store AND "
            "state IN ('pending', 'sending', 'retrying', 'verifying')"
        )
        async with self.world.database.begin() as connection:
            found = await connection.execute(question, {"store": self.store.store_id})
            return int(found.scalar_one())


setattr(StoreActions, "import", StoreActions.import_)


def essence(order: OrderView) -> dict[str, Any]:
    """The fields that a full read determines."""
    return {
        "lines": [
            (
                line.line_number,
                line.quantity.ordered,
                line.quantity.shipped,
                line.quantity.canceled,
                line.quantity.refunded,
            )
            for line in order.lines
        ],
        "fulfillment_status": order.fulfillment_status,
        "cancel_requested": order.cancel_requested and order.cancel_requested.lines,
        "returns": order.return_requested and order.return_requested.count,
        "ship_by": order.ship_by,
    }


async def run(
    world: World,
    other: World,
    quantities: list[int],
    page_size: int,
    actions: list[Action],
    by: str,
) -> None:
    seller = f"interleaved-{next(_sellers)}"
    store = await world.a_store(name=seller, walmart_client_id=seller)
    numbers = [await world.at_walmart(units, store=store, status="Created") for units in quantities]
    play = StoreActions(world, store, numbers, page_size)
    await play.play(actions)
    await play.settle(by=by)
    # A Waybill with an empty database reads the same account once.
    reader = await other.a_store(name=seller, walmart_client_id=seller)
    second = StoreActions(other, reader, numbers)
    await second.import_("")
    for number in numbers:
        ours, theirs = await play.order(number), await second.order(number)
        assert ours is not None
        assert theirs is not None
        assert essence(ours) == essence(theirs)
        assert all(line.quantity.pending == 0 or ours.status == "error" for line in ours.lines)


@pytest.mark.parametrize("by", ["webhooks", "polling"])
def test_the_end_state_is_that_of_a_single_full_read(
    fresh_url: str, other_url: str, by: str
) -> None:
    runs = int(os.environ.get("WAYBILL_FUZZ_RUNS", RUNS))
    with asyncio.Runner() as runner:
        first = open_world(fresh_url)
        world = runner.run(first.__aenter__())
        beside = open_world(other_url, walmart_url=world.walmart_url)
        other = runner.run(beside.__aenter__())
        try:

            @settings(
                max_examples=runs,
                phases=[Phase.explicit, Phase.generate, Phase.shrink],
            )
            @given(
                quantities=st.lists(st.integers(1, 3), min_size=2, max_size=4),
                page_size=st.integers(1, 2),
                actions=st.lists(
                    st.tuples(st.sampled_from(WHAT), st.integers(0, 3)), min_size=4, max_size=14
                ),
            )
            def check(quantities: list[int], page_size: int, actions: list[Action]) -> None:
                runner.run(run(world, other, quantities, page_size, actions, by))

            check()
        finally:
            runner.run(beside.__aexit__(None, None, None))
            runner.run(first.__aexit__(None, None, None))
