"""The outbox under any sequence of requests, deliveries, faults, crashes and time.

The API, its rules, PostgreSQL, the client, delivery and the simulator are real. Only the poller's
loop is driven by Hypothesis, which decides which poller claims, dies or records late, how much
time passes, what Walmart answers, which effects come late, and which reads lag. After every step
the promises are checked against the state of Walmart and Commerce.

`make fuzz` runs it for longer: WAYBILL_FUZZ_RUNS sets how many runs each of the PARTS makes,
HYPOTHESIS_SEED repeats one.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

import hypothesis
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.storage.outbox import retention
from app.usecases.imports import import_returns_page
from tests.counting import miscounted
from tests.integration.outbox_harness import (
    LEASE,
    ClaimedUpdate,
    Environment,
    Pollers,
    next_number,
    open_environment,
)
from tests.integration.outbox_promises import Asked, WorldSnapshot, broken

Act = TypeVar("Act", bound=Callable[..., None])
# In the suite 4 x 25 runs of up to 40 steps, so that both workers have a share.
PARTS, RUNS, STEPS = 4, 25, 40
# Walmart's reaction, and whether the write takes effect.
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
    "held",
    "held",
    "held",
    "lag",
    "lag",
]
# The write of each kind, by its name in the simulator.
WRITES = {
    "acknowledgement": "acknowledge",
    "shipment": "shipping",
    "tracking": "shipping",
    "cancellation": "cancel",
    "refund": "refund",
    "inventory": "inventory",
    "commerce_order": "commerce_orders",
    "commerce_note": "commerce_comments",
}
NUMBERS = st.sampled_from("ABC")
# None: reads are current; otherwise the number of changes that they lag behind.
LAGS = st.sampled_from([None, None, 1, 2])
# An index among the existing ones: the drawn value never depends on earlier steps.
PICKS = st.integers(0, 11)
OVER = {"confirmed", "dismissed"}
# The drawn values of each action, and the actions, each as often as it is likely. They are one
# rule: with many rules Hypothesis leaves most of them out of a run, and the rest finds little.
DRAWN: dict[str, dict[str, st.SearchStrategy[Any]]] = {}
ACTIONS: list[str] = []


def action(times: int = 1, **drawn: st.SearchStrategy[Any]) -> Callable[[Act], Act]:
    """An action that may happen next; times: how much more likely than others."""

    def register(act: Act) -> Act:
        DRAWN[act.__name__] = drawn
        ACTIONS.extend([act.__name__] * times)
        return act

    return register


class Outbox(RuleBasedStateMachine):
    """A store with one order, its pollers, people, buyers and Walmart."""

    def __init__(self, environment: Environment) -> None:
        super().__init__()
        self.environment = environment
        self.run = environment.run
        self.context = environment.context
        self.asked = Asked()

    @initialize(
        quantities=st.lists(st.integers(2, 5), min_size=1, max_size=2),
        acknowledges=st.sampled_from([False, False, True]),
        connected=st.booleans(),
    )
    def begin(self, quantities: list[int], acknowledges: bool, connected: bool) -> None:
        self.run(self._begin(quantities, acknowledges=acknowledges, connected=connected))

    async def _begin(self, quantities: list[int], *, acknowledges: bool, connected: bool) -> None:
        await self.environment.walmart.post("/simulator/reset")
        self.po = next_number()
        self.seller = f"seller-{self.po}"
        lines = [{"sku": f"S{n}", "quantity": q} for n, q in enumerate(quantities, 1)]
        order = {
            "client_id": self.seller,
            "purchase_order_id": self.po,
            "lines": lines,
            "status": "Created" if acknowledges else "Acknowledged",
        }
        await self.environment.walmart.post("/simulator/orders", json=order)
        walmart = {"client_id": self.seller, "client_secret": "right"}
        new = {"name": self.po, "code": f"s{self.po}", "walmart": walmart}
        if connected:
            token = "token-of-the-shop"
            shop = {"base_url": "http://127.0.0.1", "access_token": token, "push_orders": True}
            new |= {"commerce": shop}
        store = await self._send("POST", "/v1/stores", new)
        self.store = store["id"]
        self.pollers = Pollers(self.environment, UUID(store["id"]).int & 0xFFFFFFFF)
        body = {"store_id": store["id"], "purchase_order_id": self.po}
        self.order_id = UUID((await self._send("POST", "/v1/orders/import", body))["id"])
        self.path = f"/v1/orders/{self.order_id}"

    @rule(what=st.deferred(lambda: st.sampled_from(ACTIONS)), data=st.data())
    def act(self, what: str, data: st.DataObject) -> None:
        """Run an action."""
        given = {name: data.draw(strategy, name) for name, strategy in DRAWN[what].items()}
        getattr(self, what)(**given)

    async def _send(
        self, method: str, path: str, body: dict[str, Any], **headers: str
    ) -> dict[str, Any]:
        answer = await self.environment.api.request(method, path, json=body, headers=headers)
        # A request is accepted, refused with a reason, or answered that Walmart cannot be read now.
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        found: dict[str, Any] = answer.json()
        return found | {"accepted": answer.is_success}

    @asynccontextmanager
    async def _lagging(self, changes: int | None) -> AsyncIterator[None]:
        """Let every read lag behind for a while."""
        if changes is not None:
            lag = {"operation": "*", "kind": "lag", "times": None, "changes": changes}
            await self.environment.walmart.post("/simulator/faults", json=lag)
        yield
        if changes is not None:
            await self.environment.walmart.delete("/simulator/faults")

    async def _ask(self, path: str, body: dict[str, Any], lag: int | None = None) -> dict[str, Any]:
        async with self._lagging(lag):
            return await self._send("POST", path, body)

    # ---- Commerce and people --------------------------------------------------------------

    @action(3, line=st.sampled_from("12"), units=st.integers(1, 3), number=NUMBERS)
    def ship(self, line: str, units: int, number: str) -> None:
        self.run(self._ship(line, units, number))

    async def _ship(self, line: str, units: int, letter: str) -> None:
        number = f"T{letter}{self.po}"
        body = {
            "carrier_code": "ups",
            "tracking_number": number,
            "items": [{"line_number": line, "quantity": units}],
        }
        key = f"key-{len(self.asked.sent)}-{self.po}"
        answer = await self._send(
            "POST", f"{self.path}/shipments", body, **{"Idempotency-Key": key}
        )
        if answer["accepted"]:
            self.asked.shipped(answer, line, units, number)
            self.asked.sent.append((key, body, answer))

    @action(pick=PICKS)
    def ask_again(self, pick: int) -> None:
        """Commerce did not get the answer, and sends the same request again."""
        if not self.asked.sent:
            return
        key, body, first = self.asked.sent[pick % len(self.asked.sent)]
        path = f"{self.path}/shipments"
        again = self.run(self._send("POST", path, body, **{"Idempotency-Key": key}))
        assert again["id"] == first["id"]

    @action(2, pick=PICKS, number=NUMBERS)
    def correct(self, pick: int, number: str) -> None:
        """A person corrects a package's number, perhaps back to a former one."""
        if not self.asked.sent:
            return
        _, _, first = self.asked.sent[pick % len(self.asked.sent)]
        number = f"T{number}{self.po}"
        path = f"{self.path}/shipments/{first['id']}/tracking"
        answer = self.run(self._send("PATCH", path, {"tracking_number": number}))
        if answer["accepted"]:
            self.asked.corrected(first, number)

    @action(by_hand=st.booleans(), reason=st.sampled_from(["fraud", "fraud", "customer_request"]))
    def cancel(self, by_hand: bool, reason: str) -> None:
        if by_hand:
            lines = [{"line_number": "1", "quantity": 1}]
            path = f"/simulator/orders/{self.po}/cancel"
            self.run(self.environment.walmart.post(path, json={"lines": lines}))
        else:
            self.run(self._send("POST", f"{self.path}/cancellation", {"reason": reason}))

    @action(pick=PICKS, what=st.sampled_from(["retry", "dismiss", "dismiss"]), lag=LAGS)
    def intervene(self, pick: int, what: str, lag: int | None) -> None:
        self._intervene(pick, [u for u in self.known() if u["state"] not in OVER], what, lag)

    @action(2, pick=PICKS, lag=LAGS)
    def dismiss_in_doubt(self, pick: int, lag: int | None) -> None:
        doubtful = [u for u in self.known() if u["in_doubt_until"] and u["state"] not in OVER]
        self._intervene(pick, doubtful, "dismiss", lag)

    def _intervene(
        self, pick: int, found: list[dict[str, Any]], what: str, lag: int | None
    ) -> None:
        if not found:
            return
        chosen = found[pick % len(found)]["id"]
        body = {"note": "by hand"} if what == "dismiss" else {}
        self.run(self._ask(f"/v1/updates/{chosen}/{what}", body, lag))

    @action()
    def retry_all(self) -> None:
        self.run(self._send("POST", "/v1/updates/retry", {"store_id": self.store}))

    @action(lag=LAGS, accept=st.sampled_from([False, False, False, True]))
    def refresh(self, lag: int | None, accept: bool) -> None:
        """A person has the order read; accepting Walmart's quantities waits for a current read."""
        body = {"accept_walmart": True} if accept else {}
        self.run(self._ask(f"{self.path}/refresh", body, None if accept else lag))

    @action(units=st.integers(1, 2))
    def ship_by_hand(self, units: int) -> None:
        """A person ships in Seller Center, under another number."""
        line = {"line_number": "1", "quantity": units, "tracking_number": f"HAND{self.po}"}
        path = f"/simulator/orders/{self.po}/ship"
        self.run(self.environment.walmart.post(path, json={"lines": [line]}))

    @action(2, skus=st.sampled_from([["P1"], ["P1"], ["P2"], ["P1", "P2"]]))
    def put_stock(self, skus: list[str]) -> None:
        levels = [{"sku": sku, "quantity": self.asked.next_level()} for sku in skus]
        path = f"/v1/stores/{self.store}/inventory"
        answer = self.run(self._send("PUT", path, {"items": levels}))
        assert answer["accepted"]
        for each in answer["data"]:
            self.asked.levels[each["sku"]] = (each["update"]["id"], each["quantity"])

    @action(2, units=st.integers(1, 2), line=st.sampled_from("12"), lag=LAGS)
    def send_back(self, units: int, line: str, lag: int | None) -> None:
        """A buyer returns units, and the return is read."""
        self.run(self._send_back(units, line, lag))

    async def _send_back(self, units: int, line: str, lag: int | None) -> None:
        snapshot = await self._snapshot()
        if snapshot.returnable(line) < units:
            return
        path = f"/simulator/orders/{self.po}/return"
        lines = [{"line_number": line, "quantity": units}]
        made = await self.environment.walmart.post(path, json={"lines": lines})
        self.asked.returns.append(made.json()["returnOrderId"])
        self.asked.back.append((line, units))
        await self._read_return(made.json()["returnOrderId"], lag)

    @action(pick=PICKS, lag=LAGS)
    def read_return(self, pick: int, lag: int | None) -> None:
        if self.asked.returns:
            self.run(self._read_return(self.asked.returns[pick % len(self.asked.returns)], lag))

    async def _read_return(self, number: str, lag: int | None) -> None:
        account = await self.context.account(self.pollers.store_id)
        async with self._lagging(lag):
            page = await self.context.walmart.returns.read(account, number)
        await import_returns_page.save_page(self.context, account, page.returns)

    @action(3, pick=PICKS, units=st.sampled_from([None, 1, 1, 2]))
    def refund(self, pick: int, units: int | None) -> None:
        """A person refunds a return, whole or in part."""
        if not self.asked.returns:
            return
        found = self.run(self._get("/v1/returns", order_id=str(self.order_id)))["data"]
        chosen = found[pick % len(found)]["id"]
        items = [{"return_line_number": 1, "quantity": units}]
        body = {} if units is None else {"items": items}
        before = self.run(self._snapshot())
        answer = self.run(self._send("POST", f"/v1/returns/{chosen}/refund", body))
        if answer["accepted"]:
            assert not before.refund_in_doubt(chosen)

    # ---- Walmart and time -----------------------------------------------------------------

    @action(3, seconds=st.sampled_from([5, 400, 1300, 5000]), lands=st.booleans())
    def wait(self, seconds: int, lands: bool) -> None:
        self.run(self.pollers.wait(seconds, lands=lands))

    @action(2)
    def land(self) -> None:
        """Held effects are applied, or refused by now."""
        self.run(self.environment.walmart.post("/simulator/held"))

    @action()
    def archive(self) -> None:
        """Updates at rest leave the outbox, as if months had passed."""
        self.run(retention.archive_updates(self.environment.database, days=0))

    # ---- Pollers --------------------------------------------------------------------------

    @action()
    def claim(self) -> None:
        self.run(self.pollers.claim())

    @action(4)
    def deliver_well(self) -> None:
        """A poller delivers the due updates, and Walmart works."""
        self.run(self._deliver_well())

    async def _deliver_well(self) -> None:
        await self.pollers.claim()
        while self.pollers.claims:
            await self.pollers.deliver(self.pollers.claims.pop(), then="recorded")

    @action(
        7,
        pick=PICKS,
        then=st.sampled_from(["recorded", "recorded", "recorded", "died", "late"]),
        fault=st.sampled_from(FAULTS),
        of=st.sampled_from(["write", "write", "read", "*"]),
        changes=st.integers(1, 2),
    )
    def deliver(self, pick: int, then: str, fault: str, of: str, changes: int) -> None:
        """A poller delivers its claims; Walmart fails, and perhaps the poller dies."""
        claims = self.pollers.claims
        if not claims:
            self.run(self.pollers.claim())
        if claims := self.pollers.claims:
            claimed = claims.pop(pick % len(claims))
            write = WRITES[claimed.update.kind.value]
            wrong = {"operation": write if of == "write" else of, "kind": fault, "delay": 1}
            if fault == "lag":
                wrong |= {"operation": "*", "times": None, "changes": changes}
            self.run(self._deliver(claimed, wrong, then))

    async def _deliver(self, claimed: ClaimedUpdate, wrong: dict[str, Any], then: str) -> None:
        await self.environment.walmart.post("/simulator/faults", json=wrong)
        await self.pollers.deliver(claimed, then=then)
        await self.environment.walmart.delete("/simulator/faults")

    @action()
    def record_late(self) -> None:
        """A poller that hung records its result at last; by now it may have lost its lease."""
        results, self.pollers.late = self.pollers.late, []
        self.run(self.pollers.record(results))

    @action()
    def leases_end(self) -> None:
        """All leases end, and other pollers take the updates back."""
        self.run(self.pollers.wait(LEASE + 1, lands=True))
        self.run(self.pollers.take_back())

    @action(2)
    def end_doubts(self) -> None:
        self.run(self.pollers.end_doubts())

    # ---- Promises -------------------------------------------------------------------------

    async def _get(self, path: str, **query: str) -> Any:
        answer = await self.environment.api.get(path, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def known(self) -> list[dict[str, Any]]:
        found = self.run(self._get("/v1/updates", store_id=self.store, limit="200"))
        return list(found["data"])

    async def _snapshot(self) -> WorldSnapshot:
        return await WorldSnapshot.take(
            self.environment, self.pollers, self.asked, (self.po, self.order_id)
        )

    @invariant()
    def nothing_is_doubled_and_walmart_has_all_that_is_confirmed(self) -> None:
        if hasattr(self, "path"):
            assert broken(self.run(self._snapshot())) == []

    def teardown(self) -> None:
        if hasattr(self, "path"):
            self._settle()

    def _settle(self) -> None:
        """Once Walmart works, everything comes to rest, and nothing was lost or doubled."""
        pollers = self.pollers
        pollers.late.clear()
        for _ in range(60):
            self.run(pollers.wait(5000, lands=True))
            self.run(pollers.take_back())
            self.run(pollers.end_doubts())
            self.run(self._deliver_well())
            if all(
                u["state"] in OVER | {"failed"} and not u["in_doubt_until"] for u in self.known()
            ):
                break
        assert {u["state"] for u in self.known()} <= OVER | {"failed"}
        assert not any(u["in_doubt_until"] for u in self.known())
        self.run(self._send("POST", f"{self.path}/refresh", {}))
        snapshot = self.run(self._snapshot())
        assert broken(snapshot) == []
        assert snapshot.lost() == []
        assert self.run(miscounted(self.environment.database)) == []
        shipments = self.run(self._get(self.path))["shipments"]
        assert {each["id"] for each in shipments} == {first["id"] for *_, first in self.asked.sent}


@pytest.mark.one_postgresql("its own SQL")
@pytest.mark.parametrize("part", range(PARTS))
def test_the_outbox_keeps_its_promises_under_any_sequence(fresh_url: str, part: int) -> None:
    runs = int(os.environ.get("WAYBILL_FUZZ_RUNS", RUNS))
    seed = int(os.environ.get("HYPOTHESIS_SEED", secrets.randbits(32)))
    with asyncio.Runner() as runner:
        environment = open_environment(fresh_url, runner)

        # Each part plays other runs of the same seed.
        @hypothesis.seed(seed + part)
        class Fresh(Outbox):
            def __init__(self) -> None:
                super().__init__(environment)

        try:
            run_state_machine_as_test(
                Fresh,
                settings=settings(
                    max_examples=runs,
                    stateful_step_count=STEPS,
                    print_blob=True,
                    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
                ),
            )
        except BaseException as error:
            error.add_note(f"HYPOTHESIS_SEED={seed}")
            raise
        finally:
            runner.run(environment.close())


@pytest.mark.parametrize("fault", [None, "error"])
def test_a_unit_that_was_shipped_and_refunded_by_hand_confirms_no_shipment(
    fresh_url: str, fault: str | None
) -> None:
    """Found by the machine: equal numbers, units by hand, a refund, and too few open units."""
    with asyncio.Runner() as runner:
        environment = open_environment(fresh_url, runner)
        outbox = Outbox(environment)
        outbox.begin([5], acknowledges=False, connected=False)
        for _ in range(2):
            outbox.ship("1", 1, "A")
            outbox.deliver_well()
        outbox.ship_by_hand(1)
        outbox.refresh(None, accept=False)
        outbox.send_back(1, "1", None)
        outbox.refund(0, None)
        outbox.deliver_well()
        outbox.ship("1", 1, "A")
        outbox.ship("1", 1, "A")
        if fault:
            outbox.deliver(0, "recorded", fault, "write", 1)
        outbox.ship_by_hand(1)
        outbox.teardown()
        runner.run(environment.close())


def test_a_correction_back_moves_units_of_another_shipment_with_it(fresh_url: str) -> None:
    """Found by the machine: Walmart corrects all units under a number, those of others too."""
    with asyncio.Runner() as runner:
        environment = open_environment(fresh_url, runner)
        outbox = Outbox(environment)
        outbox.begin([4], acknowledges=False, connected=False)
        for number in "CAA":
            outbox.ship("1", 1, number)
            outbox.deliver_well()
        outbox.correct(2, "C")
        outbox.correct(1, "A")
        for _ in range(3):
            outbox.deliver_well()
        outbox.ship("1", 1, "C")
        outbox.teardown()
        runner.run(environment.close())


@pytest.mark.parametrize("fault", [None, "error"])
def test_a_unit_that_was_refunded_before_it_was_read_confirms_no_shipment(
    fresh_url: str, fault: str | None
) -> None:
    """Found by the machine: a unit by hand of which no read knew, and an equal number."""
    with asyncio.Runner() as runner:
        environment = open_environment(fresh_url, runner)
        outbox = Outbox(environment)
        outbox.begin([2], acknowledges=False, connected=False)
        outbox.ship("1", 1, "A")
        outbox.deliver_well()
        outbox.ship_by_hand(1)
        outbox.send_back(1, "1", None)
        outbox.refund(0, None)
        outbox.ship("1", 1, "A")
        if fault:
            outbox.deliver(0, "recorded", fault, "write", 1)
        outbox.teardown()
        runner.run(environment.close())
