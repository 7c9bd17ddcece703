"""However pages, announcements and our own updates come in between: the end is what Walmart shows.

Each run lets a buyer order, and then anything happen in any order: people ship and cancel in Seller
Center, buyers change their minds and send things back, Walmart announces late, twice or never,
several importers read, Commerce ships and refunds, pollers deliver. In the end the orders are what
a single full read by a store of its own would have made of them.
"""

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.intake import ship
from app.intake.refund import refund
from app.orders.errors import OrderError
from app.orders.lane import Breaker
from app.orders.requests import RequestedItem
from app.orders.returns import RefundRequest
from app.storage import returns as storage
from app.storage import webhooks
from app.storage.views import OrderView
from app.storage.webhooks import Announcement
from app.sync.announcements import Announcements
from app.sync.importer import Importer
from tests.world import World, a_package, open_world

RUNS = 8
Action = tuple[str, int]
WHAT = [
    "ship_by_hand", "cancel_by_hand", "wish", "send_back", "refund_by_walmart",
    "announce", "announce_again", "look", "import", "import_twice",
    "ship", "refund", "deliver",
]  # fmt: skip
_sellers = itertools.count(1)


class Play:
    """One store with some orders, and what may happen to them."""

    def __init__(self, world: World, store: Any, numbers: list[str]) -> None:
        self.world, self.store, self.numbers = world, store, numbers
        self.announced: list[Announcement] = []
        self.returns: list[str] = []
        self.tracking = itertools.count(1)

    async def act(self, what: str, which: int) -> None:
        work: Callable[[str], Awaitable[None]] = getattr(self, what)
        await work(self.numbers[which % len(self.numbers)])

    async def _post(self, path: str, **body: Any) -> Any:
        # What cannot be (any more) is refused, and that is one of the things that happen.
        return await self.world.walmart.post(f"/simulator/{path}", json=body)

    async def ship_by_hand(self, number: str) -> None:
        line = {"line_number": "1", "quantity": 1, "tracking_number": f"HAND{next(self.tracking)}"}
        await self._post(f"orders/{number}/ship", lines=[line])

    async def cancel_by_hand(self, number: str) -> None:
        await self._post(f"orders/{number}/cancel", lines=[{"line_number": "1", "quantity": 1}])

    async def wish(self, number: str) -> None:
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
        self.announced.append(
            Announcement(self.store.store_id, str(uuid4()), "ORDER_UPDATES", number, returned)
        )
        await self._arrive(self.announced[-1])

    async def announce_again(self, _: str) -> None:
        """The oldest of all, late and a second time."""
        if self.announced:
            await self._arrive(self.announced[0])

    async def _arrive(self, announced: Announcement) -> None:
        async with self.world.database.begin() as connection:
            await webhooks.add(connection, announced)

    async def look(self, _: str) -> None:
        await Announcements(self.world.desk).work()

    def importer(self) -> Importer:
        return Importer(self.world.desk, Breaker(), every=0.000001)

    async def import_(self, _: str) -> None:
        await self.importer().run(self.store.store_id)

    async def import_twice(self, _: str) -> None:
        await asyncio.gather(
            self.importer().run(self.store.store_id),
            self.importer().run(self.store.store_id),
            self.look(""),
        )

    async def ship(self, number: str) -> None:
        order = await self.order(number)
        if order is None:
            return
        package = a_package(f"1Z{next(self.tracking)}", items=(RequestedItem(1, line_number="1"),))
        try:
            await ship.ship(self.world.desk, order.id, package, actor="commerce")
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
                await refund(self.world.desk, known.id, RefundRequest(), actor="commerce")
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

    async def settle(self) -> None:
        """Everything comes to rest; a last run of the importer reads what nobody announced."""
        async with self.world.polling():
            async with asyncio.timeout(30):
                while await self._open():
                    await asyncio.sleep(0.02)
        await self.look("")
        await self.import_("")
        async with self.world.polling():
            async with asyncio.timeout(30):
                while await self._open():
                    await asyncio.sleep(0.02)
        await self.import_("")

    async def _open(self) -> int:
        question = sa.text(
            "SELECT count(*) FROM updates WHERE store_id = :store AND "
            "state IN ('pending', 'sending', 'retrying', 'verifying')"
        )
        async with self.world.database.begin() as connection:
            found = await connection.execute(question, {"store": self.store.store_id})
            return int(found.scalar_one())


setattr(Play, "import", Play.import_)


def essence(order: OrderView) -> dict[str, Any]:
    """What a full read tells of an order."""
    return {
        "lines": [
            (line.line_number, line.ordered, line.shipped, line.canceled, line.refunded)
            for line in order.lines
        ],
        "fulfillment_status": order.fulfillment_status,
        "cancel_requested": (order.cancel_requested or {}).get("lines"),
        "returns": order.returns,
        "ship_by": order.ship_by,
    }


async def run(world: World, quantities: list[int], actions: list[Action]) -> None:
    seller = f"interleaved-{next(_sellers)}"
    store = await world.a_store(name=seller, walmart_client_id=seller)
    numbers = [await world.at_walmart(units, store=store, status="Created") for units in quantities]
    play = Play(world, store, numbers)
    for what, which in actions:
        await play.act(what, which)
    await play.settle()
    # A store that has seen nothing yet reads the same account once.
    reader = await world.a_store(name=f"{seller}-reader", walmart_client_id=seller)
    await Importer(world.desk, Breaker(), every=0.000001).run(reader.store_id)
    second = Play(world, reader, numbers)
    for number in numbers:
        ours, theirs = await play.order(number), await second.order(number)
        assert ours is not None
        assert theirs is not None
        assert essence(ours) == essence(theirs)
        assert all(line.pending == 0 or ours.status == "error" for line in ours.lines)


@pytest.mark.parametrize("part", range(2))
def test_the_end_is_what_a_single_full_read_shows(fresh_url: str, part: int) -> None:
    del part
    runs = int(os.environ.get("WAYBILL_FUZZ_RUNS", RUNS))
    with asyncio.Runner() as runner:
        manager = open_world(fresh_url)
        world = runner.run(manager.__aenter__())
        try:

            @settings(
                max_examples=runs,
                deadline=None,
                phases=[Phase.explicit, Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )
            @given(
                quantities=st.lists(st.integers(1, 3), min_size=1, max_size=2),
                actions=st.lists(
                    st.tuples(st.sampled_from(WHAT), st.integers(0, 1)), min_size=4, max_size=14
                ),
            )
            def check(quantities: list[int], actions: list[Action]) -> None:
                runner.run(run(world, quantities, actions))

            check()
        finally:
            runner.run(manager.__aexit__(None, None, None))
