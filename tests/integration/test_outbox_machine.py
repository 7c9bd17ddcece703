"""The outbox under any sequence of requests, deliveries, faults, crashes and time.

The API, its rules, PostgreSQL, the client, delivery and the simulator are the real ones; only
the loop of the poller is played by Hypothesis, which decides who claims, who dies when, who
records too late, how much time passes and what Walmart answers. After every step the promises
are held against Walmart's ledger and its order.

`make fuzz` runs it for longer: WAYBILL_FUZZ_RUNS sets how many runs, HYPOTHESIS_SEED repeats one.
"""

import asyncio
import itertools
import os
import secrets
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.commerce.client import CommerceClient
from app.intake.desk import Desk
from app.outbound.transport import Http
from app.simulator.app import create_app as create_simulator
from app.storage import orders, recording, rescue, retention, updates
from app.storage.accepting import Accepting
from app.storage.database import Database, open_database
from app.storage.recording import Attempt, Result
from app.storage.updates import Claimed
from app.sync import backoff, delivery, evidence, traffic
from app.sync.backoff import End, Policy
from app.sync.errand import Errand
from app.walmart.account import Account
from app.walmart.client import WalmartClient
from app.web.app import create_app
from tests.counting import miscounted
from tests.integration.web.conftest import ADMIN_KEY, Counted, client_of
from tests.world import VAULT, claim

# In the suite 4 x 28 runs of up to 40 steps, so that both workers have a share.
PARTS, RUNS, STEPS = 4, 28, 40
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
TIMES = {
    "updates": ("due_at", "in_doubt_until", "known_at", "created_at"),
    "lanes": ("paused_until", "replenish_at", "seen_at", "since"),
}
_numbers = itertools.count(1_796_440_000_000)


@dataclass
class Ground:
    """What all runs share: a database, a Walmart, the API, and a loop they run in."""

    database: Database
    desk: Desk
    api: httpx.AsyncClient
    walmart: httpx.AsyncClient
    runner: asyncio.Runner
    stores: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)


async def _no_reason() -> str | None:
    return None


def open_ground(url: str, runner: asyncio.Runner) -> Ground:
    database = open_database(url, pool_size=4)
    simulated = httpx.ASGITransport(app=create_simulator())
    walmart = httpx.AsyncClient(transport=simulated, base_url="http://walmart.test")
    http = Http(simulated, timeout=30)
    client = WalmartClient(
        http, base_url="http://walmart.test", timeout=30, now=lambda: datetime.now(UTC)
    )
    desk = Desk(
        database=database,
        accepting=Accepting(database.grouped),
        vault=VAULT,
        walmart=client,
        now=lambda: datetime.now(UTC),
        entropy=lambda: secrets.randbits(64),
        wake=lambda *_: None,
        commerce=CommerceClient(http, timeout=30, now=lambda: datetime.now(UTC)),
    )
    app = create_app(
        desk=desk, admin_key=ADMIN_KEY, metrics=Counted(), ready=_no_reason, version="0"
    )
    return Ground(database, desk, client_of(app), walmart, runner)


class Outbox(RuleBasedStateMachine):
    """Pollers' hands (held, late), a store with one order, and Walmart."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self.ground = ground
        self.run = ground.run
        self.desk = ground.desk
        self.held: list[tuple[Claimed, float]] = []
        # Delivered by pollers that have been too slow to write it down.
        self.late: list[Result] = []
        self.asked: dict[str, int] = {}
        self.by_hand: Counter[str] = Counter()
        self.sent: list[tuple[str, dict[str, Any], dict[str, Any]]] = []

    @initialize(
        quantities=st.lists(st.integers(1, 4), min_size=1, max_size=2), acknowledges=st.booleans()
    )
    def begin(self, quantities: list[int], acknowledges: bool) -> None:
        self.run(self._begin(quantities, acknowledges=acknowledges))

    async def _begin(self, quantities: list[int], *, acknowledges: bool) -> None:
        self.po = str(next(_numbers))
        seller = f"seller-{self.po}"
        lines = [{"sku": f"S{n}", "quantity": q} for n, q in enumerate(quantities, 1)]
        order = {
            "client_id": seller,
            "purchase_order_id": self.po,
            "lines": lines,
            "status": "Created" if acknowledges else "Acknowledged",
        }
        await self.ground.walmart.post("/simulator/orders", json=order)
        walmart = {"client_id": seller, "client_secret": "right"}
        store = await self._post(
            "/v1/stores", {"name": self.po, "code": f"s{self.po}", "walmart": walmart}
        )
        self.seller, self.store_id = seller, UUID(store["id"]).int & 0xFFFFFFFF
        body = {"store_id": store["id"], "purchase_order_id": self.po}
        self.order_id = UUID((await self._post("/v1/orders/import", body))["id"])
        self.path = f"/v1/orders/{self.order_id}"

    async def _post(self, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        answer = await self.ground.api.post(path, json=body, headers=headers)
        # A request is done, refused with a reason, or told that Walmart cannot be read now.
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        found: dict[str, Any] = answer.json()
        return found | {"accepted": answer.is_success}

    # ---- what Commerce and people do ------------------------------------------------------

    @rule(line=st.sampled_from("12"), units=st.integers(1, 3))
    def ship(self, line: str, units: int) -> None:
        number = f"T{len(self.sent)}X{self.po}"
        body = {
            "carrier_code": "ups",
            "tracking_number": number,
            "items": [{"line_number": line, "quantity": units}],
        }
        answer = self.run(self._post(f"{self.path}/shipments", body, **{"Idempotency-Key": number}))
        if answer["accepted"]:
            self.asked[number] = units
            self.sent.append((number, body, answer))

    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """Commerce did not get the answer, and sends the same once more."""
        assume(self.sent)
        key, body, first = data.draw(st.sampled_from(self.sent))
        again = self.run(self._post(f"{self.path}/shipments", body, **{"Idempotency-Key": key}))
        assert again["id"] == first["id"]

    @rule()
    def cancel(self) -> None:
        self.run(self._post(f"{self.path}/cancellation", {"reason": "fraud"}))

    @rule(data=st.data(), what=st.sampled_from(["retry", "dismiss"]))
    def intervene(self, data: st.DataObject, what: str) -> None:
        open_ones = [u["id"] for u in self.known() if u["state"] not in {"confirmed", "dismissed"}]
        assume(open_ones)
        chosen = data.draw(st.sampled_from(open_ones))
        body = {"note": "by hand"} if what == "dismiss" else {}
        self.run(self._post(f"/v1/updates/{chosen}/{what}", body))

    @rule()
    def retry_all(self) -> None:
        store = self.run(self._get(self.path))["store_id"]
        self.run(self._post("/v1/updates/retry", {"store_id": store}))

    @rule()
    def refresh(self) -> None:
        self.run(self._post(f"{self.path}/refresh", {}))

    @rule(units=st.integers(1, 2))
    def ship_by_hand(self, units: int) -> None:
        """Somebody ships in Seller Center, under a number of their own."""
        number = f"HAND{len(self.by_hand)}X{self.po}"
        line = {"line_number": "1", "quantity": units, "tracking_number": number}
        path = f"/simulator/orders/{self.po}/ship"
        answer = self.run(self.ground.walmart.post(path, json={"lines": [line]}))
        if answer.is_success:
            self.by_hand[number] += units

    # ---- what Walmart and time do ---------------------------------------------------------

    @rule(seconds=st.sampled_from([3, 200, 4000]))
    def wait(self, seconds: int) -> None:
        self.run(self._pass(seconds))

    async def _pass(self, seconds: float, **tables: tuple[str, ...]) -> None:
        """Let time pass: times of the outbox and its lanes move back."""
        async with self.ground.database.begin() as connection:
            for table, columns in (tables or TIMES).items():
                moved = ", ".join(f"{c} = {c} - make_interval(secs => :s)" for c in columns)
                await connection.execute(
                    sa.text(f"UPDATE {table} SET {moved} WHERE store_id = :store"),
                    {"s": float(seconds), "store": self.store_id},
                )

    @rule()
    def archive(self) -> None:
        """What is at rest leaves the outbox, as if months had passed."""
        self.run(retention.archive_updates(self.ground.database, days=0))

    # ---- what pollers do ------------------------------------------------------------------

    @rule()
    def claim(self) -> None:
        self.run(self._claim())

    async def _claim(self) -> None:
        claimed = await claim(self.ground.database, self.store_id, limit=5, lease=LEASE)
        self.held += [(update, time.monotonic()) for update in claimed]

    @rule(
        data=st.data(),
        then=st.sampled_from(["recorded", "recorded", "died", "late"]),
        fault=st.sampled_from([None, *FAULTS]),
        operation=st.sampled_from(["*", "shipping", "cancel", "read"]),
    )
    def deliver(self, data: st.DataObject, then: str, fault: str | None, operation: str) -> None:
        """A poller delivers what it holds; Walmart misbehaves, the poller dies, or neither."""
        if not self.held:
            self.run(self._claim())
        assume(self.held)
        held = data.draw(st.sampled_from(self.held))
        self.held.remove(held)
        if fault is not None:
            wrong = {"operation": operation, "kind": fault, "times": 1, "delay": 1}
            self.run(self.ground.walmart.post("/simulator/faults", json=wrong))
        self.run(self._deliver(*held, then=then))
        self.run(self.ground.walmart.delete("/simulator/faults"))

    async def _deliver(self, update: Claimed, at: float, *, then: str) -> None:
        async with self.ground.database.begin() as connection:
            known = await orders.load_many(connection, update.store_id, [self.order_id])
        errand = Errand(
            update=update,
            of_order=known[self.order_id],
            account=Account(update.store_id, self.seller, "right"),
            client=self.desk.walmart,
            commerce=self.desk.commerce,
            policy=POLICY,
            lease=LEASE,
            timeout=30,
            monotonic=time.monotonic,
            claimed_monotonic=at,
            leased_monotonic=at,
            renew=lambda: self._still_mine(update),
            stopping=lambda: False,
        )
        # A poller that lost its lease to another must not write; its clock tells it so.
        if not await self._still_mine(update):
            return
        result = self._result(update, errand, await delivery.deliver(errand))
        if then == "recorded":
            await recording.record(self.ground.database, [result], self.desk.new_id)
        elif then == "late":
            self.late.append(result)

    def _result(self, update: Claimed, errand: Errand, outcome: Any) -> Result:
        now = errand.now()
        end = End(now, 0.5, doubt_ended=errand.doubt_ended, read=errand.was_read)
        step = backoff.next_step(update, outcome, POLICY, end)
        attempt = Attempt(
            self.desk.new_id(update.store_id), "p", now, now, evidence.verdict(outcome), None, []
        )
        news = traffic.news(update.store_id, errand.calls, evidence.pause(outcome), now)
        return Result(
            update,
            step,
            attempt,
            POLICY.quiet_period,
            evidence.snapshot(outcome),
            errand.read_at,
            news=list(news),
        )

    @rule()
    def record_late(self) -> None:
        """A poller that hung writes down at last what it did; it may be nobody's business now."""
        assume(self.late)
        results, self.late = self.late, []
        self.run(recording.record(self.ground.database, results, self.desk.new_id))

    async def _still_mine(self, update: Claimed) -> bool:
        async with self.ground.database.begin() as connection:
            return await updates.renew(connection, update, LEASE)

    @rule()
    def leases_end(self) -> None:
        """Whoever held something is gone; somebody else takes it back."""
        self.held.clear()
        self.run(self._pass(LEASE + 1, updates=("leased_until",)))
        self.run(rescue.take_back(self.ground.database, self.desk.new_id))

    # ---- the promises ---------------------------------------------------------------------

    async def _get(self, path: str, **query: str) -> Any:
        answer = await self.ground.api.get(path, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def known(self) -> list[dict[str, Any]]:
        found = self.run(self._get("/v1/updates", order_id=str(self.order_id), limit="200"))
        return list(found["data"])

    def effects(self) -> Counter[str]:
        query = {"purchase_order_id": self.po}
        answer = self.run(self.ground.walmart.get("/simulator/ledger", params=query))
        counted: Counter[str] = Counter()
        for entry in answer.json()["entries"]:
            if entry["operation"] == "shipping":
                counted[entry["tracking_number"]] += entry["quantity"]
        return counted

    @invariant()
    def nothing_is_twice_and_nothing_claimed_that_walmart_has_not(self) -> None:
        if not hasattr(self, "path"):
            return
        assert self.run(self._sending()) <= 1
        assert self.run(miscounted(self.ground.database)) == []
        # First ours, then Walmart's: what happens in between can only be more.
        view = self.run(self._get(self.path))
        shown = self.run(self.ground.walmart.get(f"/simulator/orders/{self.po}")).json()
        effects = self.effects()
        for number, units in effects.items():
            assert units <= self.asked[number], number
        for line, at_walmart in zip(view["lines"], shown["lines"], strict=True):
            has: Counter[str] = Counter()
            for units in at_walmart["units"]:
                has[units["status"]] += units["quantity"]
            quantity = line["quantity"]
            assert quantity["shipped"] <= has["Shipped"]
            assert quantity["canceled"] <= has["Cancelled"]
            assert quantity["remaining"] >= 0
        for shipment in view["shipments"]:
            confirmed = sum(item["confirmed"] for item in shipment["items"])
            assert confirmed <= effects[shipment["tracking_number"]]

    async def _sending(self) -> int:
        """Updates of the order that pollers hold."""
        held = "SELECT count(*) FROM updates WHERE store_id = :store AND state = 'sending'"
        async with self.ground.database.begin() as connection:
            found = await connection.execute(sa.text(held), {"store": self.store_id})
            return int(found.scalar_one())

    def teardown(self) -> None:
        if hasattr(self, "path"):
            self._settle()

    def _settle(self) -> None:
        """Once Walmart behaves, everything comes to rest, and nothing was lost or doubled."""
        self.late.clear()
        for _ in range(60):
            self.leases_end()
            self.wait(4000)
            self.claim()
            if not self.held:
                break
            while self.held:
                self.run(self._deliver(*self.held.pop(), then="recorded"))
        assert {u["state"] for u in self.known()} <= {"confirmed", "failed", "dismissed"}
        effects = self.effects()
        shipments = self.run(self._get(self.path))["shipments"]
        assert {each["tracking_number"] for each in shipments} == set(self.asked)
        for shipment in shipments:
            number = shipment["tracking_number"]
            if shipment["state"] == "confirmed":
                assert effects[number] == self.asked[number]
            if shipment["state"] == "failed":
                assert effects[number] < self.asked[number]


@pytest.mark.parametrize("part", range(PARTS))
def test_the_outbox_keeps_its_promises_whatever_happens(fresh_url: str, part: int) -> None:
    del part
    runs = int(os.environ.get("WAYBILL_FUZZ_RUNS", RUNS))
    with asyncio.Runner() as runner:
        ground = open_ground(fresh_url, runner)

        class Fresh(Outbox):
            def __init__(self) -> None:
                super().__init__(ground)

        try:
            run_state_machine_as_test(
                Fresh,
                settings=settings(
                    max_examples=runs,
                    stateful_step_count=STEPS,
                    deadline=None,
                    print_blob=True,
                    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(ground.api.aclose())
            runner.run(ground.walmart.aclose())
            runner.run(ground.database.close())
