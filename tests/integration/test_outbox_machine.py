"""The outbox under any sequence of requests, deliveries, faults, crashes and time.

Real rules, real PostgreSQL, the real client and delivery over the simulator; only the loop
of the poller is played by Hypothesis, which decides who claims, who dies and what Walmart
answers. After every step the promises are held against Walmart's ledger and the tables.
"""

import asyncio
import itertools
import secrets
import time
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
from cryptography.fernet import Fernet
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.intake import cancel, dismiss, import_order, retry, ship, stores
from app.intake.desk import Desk
from app.orders.errors import OrderError
from app.orders.requests import CancelRequest
from app.simulator.app import create_app
from app.storage import orders, overview, recording, rescue, updates
from app.storage.database import open_database
from app.storage.recording import Attempt, Result
from app.storage.updates import Claimed
from app.storage.vault import Vault
from app.sync import backoff, delivery, evidence
from app.sync.backoff import Policy
from app.sync.errand import Errand
from app.walmart.account import Account
from app.walmart.client import WalmartClient
from tests.builders import items
from tests.world import ACTOR, a_package, claim

POLICY = Policy(base=1, cap=10, give_up_after=10_000_000, quiet_period=120)
LEASE = 90.0
FAULTS = [
    "error",
    "error_after",
    "refuse",
    "throttle",
    "html",
    "html_after",
    "cut",
    "unshown",
    "locked",
    "outage",
    "expired_token",
]
_numbers = itertools.count(1_796_440_000_000)


class Outbox(RuleBasedStateMachine):
    """Two pollers' hands (held), a store with one order, and Walmart."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.held: list[tuple[Claimed, float]] = []
        self.asked: dict[str, int] = {}
        self.run(self._open(url))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def _open(self, url: str) -> None:
        self.database = open_database(url, pool_size=4)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=create_app()), base_url="http://walmart.test"
        )
        client = WalmartClient(
            self.http, base_url="http://walmart.test", timeout=30, now=lambda: datetime.now(UTC)
        )
        self.desk = Desk(
            database=self.database,
            vault=Vault([Fernet.generate_key().decode()]),
            walmart=client,
            now=lambda: datetime.now(UTC),
            entropy=lambda: secrets.randbits(64),
            wake=lambda: None,
        )

    @initialize(
        quantities=st.lists(st.integers(1, 4), min_size=1, max_size=2), acknowledges=st.booleans()
    )
    def begin(self, quantities: list[int], acknowledges: bool) -> None:
        self.run(self._begin(quantities, acknowledges=acknowledges))

    async def _begin(self, quantities: list[int], *, acknowledges: bool) -> None:
        self.po = str(next(_numbers))
        lines = [{"sku": f"S{n}", "quantity": q} for n, q in enumerate(quantities, 1)]
        order = {
            "client_id": "seller",
            "purchase_order_id": self.po,
            "lines": lines,
            "status": "Created" if acknowledges else "Acknowledged",
        }
        await self.http.post("/simulator/orders", json=order)
        new = stores.NewStore(secrets.token_hex(6), "seller", "right")
        self.store = await stores.create(self.desk, new, actor=ACTOR)
        found = await import_order.import_order(self.desk, self.store.id, self.po, actor=ACTOR)
        self.order_id: UUID = found.order.id

    # ---- what Commerce and people do ------------------------------------------------------

    @rule(line=st.sampled_from("12"), units=st.integers(1, 3))
    def ship(self, line: str, units: int) -> None:
        number = f"T{len(self.asked)}X{self.po}"
        request = a_package(number, items=items(**{f"l{line}": units}))
        if self._accepted(ship.ship(self.desk, self.order_id, request, actor=ACTOR)):
            self.asked[number] = units

    @rule()
    def cancel(self) -> None:
        request = CancelRequest("fraud")
        self._accepted(cancel.cancel(self.desk, self.order_id, request, actor=ACTOR))

    @rule(data=st.data(), dismisses=st.booleans())
    def intervene(self, data: st.DataObject, dismisses: bool) -> None:
        open_ones = [u.id for u in self.known() if u.state not in {"confirmed", "dismissed"}]
        assume(open_ones)
        chosen = data.draw(st.sampled_from(open_ones))
        if dismisses:
            self._accepted(dismiss.dismiss(self.desk, chosen, note="by hand", actor=ACTOR))
        else:
            self._accepted(
                retry.retry(self.desk, chosen, override_cancel_request=False, actor=ACTOR)
            )

    def _accepted(self, work: Coroutine[Any, Any, Any]) -> bool:
        try:
            self.run(work)
        except OrderError:
            return False
        return True

    # ---- what Walmart and time do ---------------------------------------------------------

    def misbehave(self, kind: str, operation: str) -> None:
        fault = {"operation": operation, "kind": kind, "times": 1, "delay": 1}
        self.run(self.http.post("/simulator/faults", json=fault))

    @rule(seconds=st.sampled_from([3, 200, 4000]))
    def wait(self, seconds: int) -> None:
        self.run(self._pass(seconds, "due_at", "may_have_left_at"))

    async def _pass(self, seconds: float, *columns: str) -> None:
        """Let time pass: times of the outbox move back, and pauses with them."""
        async with self.database.begin() as connection:
            for table, column in [("lanes", "paused_until"), *(("updates", c) for c in columns)]:
                await connection.execute(
                    sa.text(f"UPDATE {table} SET {column} = {column} - make_interval(secs => :s)"),
                    {"s": float(seconds)},
                )

    # ---- what pollers do ------------------------------------------------------------------

    @rule()
    def claim(self) -> None:
        self.run(self._claim())

    async def _claim(self) -> None:
        claimed = await claim(self.database, self.store.store_id, limit=5, lease=LEASE)
        self.held += [(update, time.monotonic()) for update in claimed]

    @rule(
        data=st.data(),
        survives=st.booleans(),
        fault=st.sampled_from([None, *FAULTS]),
        operation=st.sampled_from(["*", "shipping", "cancel", "read"]),
    )
    def deliver(
        self, data: st.DataObject, survives: bool, fault: str | None, operation: str
    ) -> None:
        """A poller delivers what it holds, Walmart misbehaves or not, the poller dies or not."""
        if not self.held:
            self.run(self._claim())
        assume(self.held)
        held = data.draw(st.sampled_from(self.held))
        self.held.remove(held)
        if fault is not None:
            self.misbehave(fault, operation)
        self.run(self._deliver(*held, survives=survives))
        self.run(self.http.delete("/simulator/faults"))

    async def _deliver(self, update: Claimed, at: float, *, survives: bool) -> None:
        async with self.database.begin() as connection:
            order = (await orders.load_many(connection, update.store_id, [self.order_id]))[
                self.order_id
            ]
        errand = Errand(
            update=update,
            order=order,
            account=Account(update.store_id, "seller", "right"),
            client=self.desk.walmart,
            policy=POLICY,
            lease=LEASE,
            timeout=30,
            monotonic=time.monotonic,
            claimed_monotonic=at,
            renew=lambda: self._still_mine(update),
            stopping=lambda: False,
        )
        # A poller that lost its lease to another must not write; its clock tells it so.
        if not await self._still_mine(update):
            return
        outcome = await delivery.deliver(errand)
        if not survives:
            return
        now = errand.now()
        step = backoff.next_step(update, outcome, POLICY, now=now, jitter=0.5)
        attempt = Attempt(
            self.desk.new_id(update.store_id), "p", now, now, evidence.verdict(outcome), None, []
        )
        result = Result(update, step, attempt, evidence.snapshot(outcome))
        await recording.record(self.database, [result], self.desk.new_id)

    async def _still_mine(self, update: Claimed) -> bool:
        async with self.database.begin() as connection:
            return await updates.renew(connection, update, LEASE)

    @rule()
    def leases_end(self) -> None:
        """Whoever held something is gone; somebody else takes it back."""
        self.held.clear()
        self.run(self._pass(LEASE + 1, "leased_until"))
        self.run(rescue.take_back(self.database, self.desk.new_id))

    # ---- the promises ---------------------------------------------------------------------

    def known(self) -> list[Any]:
        return list(self.run(self._known()))

    async def _known(self) -> list[Any]:
        async with self.database.begin() as connection:
            wanted = overview.UpdateFilter(order_id=self.order_id, store_id=self.store.store_id)
            found, _ = await overview.updates(connection, wanted, overview.Page(200))
        return found

    def effects(self) -> Counter[str]:
        answer = self.run(self.http.get("/simulator/ledger", params={"purchase_order_id": self.po}))
        counted: Counter[str] = Counter()
        for entry in answer.json()["entries"]:
            if entry["operation"] == "shipping":
                counted[entry["tracking_number"]] += entry["quantity"]
        return counted

    def view(self) -> Any:
        async def read() -> Any:
            async with self.database.begin() as connection:
                return await overview.order(connection, self.store.store_id, self.order_id)

        return self.run(read())

    @invariant()
    def nothing_is_shipped_twice(self) -> None:
        for number, units in self.effects().items():
            assert units <= self.asked[number], number

    @invariant()
    def one_update_of_the_order_at_a_time(self) -> None:
        assert sum(update.state == "sending" for update in self.known()) <= 1

    @invariant()
    def the_order_never_claims_more_than_walmart_has(self) -> None:
        shown = self.run(self.http.get(f"/simulator/orders/{self.po}")).json()
        at_walmart = {
            line["line_number"]: sum(
                u["quantity"] for u in line["units"] if u["status"] == "Shipped"
            )
            for line in shown["lines"]
        }
        view = self.view()
        held: Counter[str] = Counter()
        for each in (*view.shipments, *([view.cancellation] if view.cancellation else [])):
            for item in each.items:
                held[item.line_number] += item.reserved
        for line in view.lines:
            assert line.shipped <= at_walmart[line.line_number]
            assert line.remaining >= 0
            if view.cancellation is None:
                assert line.pending == held[line.line_number]

    def teardown(self) -> None:
        if hasattr(self, "order_id"):
            self._settle()
        self.run(self.http.aclose())
        self.run(self.database.close())
        self.runner.close()

    def _settle(self) -> None:
        """Once Walmart behaves, everything comes to rest, and nothing was lost or doubled."""
        self.run(self.http.delete("/simulator/faults"))
        for _ in range(60):
            self.leases_end()
            self.wait(4000)
            self.claim()
            if not self.held:
                break
            while self.held:
                self.run(self._deliver(*self.held.pop(), survives=True))
        assert {u.state for u in self.known()} <= {"confirmed", "failed", "dismissed"}
        effects = self.effects()
        for shipment in self.view().shipments:
            if shipment.state == "confirmed":
                assert effects[shipment.tracking_number] == self.asked[shipment.tracking_number]


def test_the_outbox_keeps_its_promises_whatever_happens(fresh_url: str) -> None:
    class Fresh(Outbox):
        def __init__(self) -> None:
            super().__init__(fresh_url)

    run_state_machine_as_test(
        Fresh,
        settings=settings(max_examples=60, stateful_step_count=25, deadline=None),
    )
