"""No sequence of actions of Commerce, Walmart and people sells a unit twice.

The model is a Walmart that knows only units and statuses. Updates are delivered, refused, lost,
retried and dismissed at random; after every step the units of the order must add up.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.domain.errors import Conflict
from app.domain.orders import blockers, cancellation, readback, reservation, settlement, shipping
from app.domain.orders.order import FulfillmentStatus, Item, Order, Task
from app.domain.orders.requests import CancelRequest
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot, Units, UnitStatus
from app.domain.update import OPEN, UNRESOLVED, Kind, State
from tests.builders import NOW, PURCHASE_ORDER, a_line, a_ship_request, a_task, an_order, items

NUMBERS = ("1Z1", "1Z2", "1Z3")
LINES = ("1", "2")
QUIET = timedelta(minutes=2)


class OrderBooks(RuleBasedStateMachine):
    order: Order
    walmart: dict[str, Counter[tuple[UnitStatus, str | None]]]
    now: datetime
    # Writes without an answer that may still land.
    late: list[tuple[Task, Mapping[str, int]]]
    # Units by line and tracking number.
    asked: Counter[tuple[str, str]]

    @initialize(ordered=st.tuples(st.integers(1, 4), st.integers(1, 4)))
    def begin(self, ordered: tuple[int, int]) -> None:
        self.now, self.late, self.asked = NOW, [], Counter()
        lines = [a_line(number, units) for number, units in zip(LINES, ordered, strict=True)]
        self.order = an_order(*lines)
        self.walmart = {
            line.line_number: Counter({(UnitStatus.ACKNOWLEDGED, None): line.ordered})
            for line in lines
        }

    def snapshot(self) -> OrderSnapshot:
        lines = {}
        for number, units in self.walmart.items():
            seen = tuple(Units(s, count, t) for (s, t), count in units.items() if count)
            lines[number] = LineSnapshot(number, f"SKU-{number}", sum(units.values()), seen)
        return OrderSnapshot(PURCHASE_ORDER, lines)

    def tasks(self, *states: State) -> list[Task]:
        return [task for task in self.order.tasks if task.state in states]

    def settle(self, states: dict[object, State] | None = None) -> None:
        order = reservation.with_state(self.order, states or {})  # type: ignore[arg-type]
        settled = settlement.settle(order, self.snapshot(), self.now)
        landed = {t.update_id: State.CONFIRMED for t in settled.landed}
        trimmed = {
            t.update_id: State.FAILED
            for t in settled.trimmed
            if t.state in OPEN and not any(item.reserved for item in t.items)
        }
        self.order = reservation.with_state(settled.order, {**trimmed, **landed})

    def move(self, number: str, units: int, status: UnitStatus, tracking: str | None) -> None:
        assert self.walmart[number][UnitStatus.ACKNOWLEDGED, None] >= units
        self.walmart[number][UnitStatus.ACKNOWLEDGED, None] -= units
        self.walmart[number][status, tracking] += units

    @rule(units=st.integers(1, 5), line=st.sampled_from(LINES), number=st.sampled_from(NUMBERS))
    def ship(self, units: int, line: str, number: str) -> None:
        request = a_ship_request(tracking_number=number, items=items(**{f"l{line}": units}))
        plan = shipping.plan(self.order, request, NOW)
        if plan.problems:
            return
        assert self.order.fulfillment_status is not FulfillmentStatus.CANCELED
        self.accept(Kind.SHIPMENT, plan.items, number)
        self.asked.update({(item.line_number, number): item.quantity for item in plan.items})

    @rule()
    def cancel(self) -> None:
        held, problems = cancellation.plan(self.order, CancelRequest("fraud"))
        if not problems:
            assert not any(line.shipped for line in self.order.lines)
            self.accept(Kind.CANCELLATION, held, None)

    def accept(self, kind: Kind, held: tuple[Item, ...], number: str | None) -> None:
        sequence = self.order.next_sequence
        task = a_task(*held, kind=kind, sequence=sequence, tracking_number=number)
        self.order = reservation.reserve(self.order, task)

    @rule(data=st.data(), answered=st.booleans())
    def deliver(self, data: st.DataObject, answered: bool) -> None:
        waiting = self.tasks(*OPEN)
        assume(waiting)
        task = data.draw(st.sampled_from(waiting))
        snapshot = self.snapshot()
        reading = readback.read(self.order, task, snapshot)
        if reading.excess:
            self.settle({task.update_id: State.FAILED})
            return
        if reading.complete and not readback.units_left_to_cancel(task, snapshot):
            self.settle({task.update_id: State.CONFIRMED})
            return
        if task.in_doubt(self.now):
            return
        against = blockers.blocking_code(task, reading, snapshot)
        going = blockers.sendable(self.order, task, snapshot, self.now)
        if against or not going.units:
            self.settle({task.update_id: State.FAILED})
            return
        if not answered:
            self.late.append((task, going.units))
            waiting_ = reservation.with_state(self.order, {task.update_id: State.VERIFYING})
            self.order = reservation.with_doubt(waiting_, task.update_id, self.now + QUIET)
            return
        self.land(task, going.units)
        self.settle({task.update_id: State.FAILED if going.blocked else State.CONFIRMED})

    def land(self, task: Task, units: Mapping[str, int]) -> None:
        status = UnitStatus.SHIPPED if task.kind is Kind.SHIPMENT else UnitStatus.CANCELLED
        for line, count in units.items():
            self.move(line, count, status, task.tracking_number)

    def doubtful(self) -> list[Task]:
        """An update in doubt keeps its units in every state."""
        return [task for task in self.order.tasks if task.in_doubt(self.now)]

    @rule()
    def a_write_lands_late(self) -> None:
        """Walmart accepts a write late, or refuses it if its units are no longer free."""
        assume(self.late)
        task, units = self.late.pop(0)
        free = {line: has[UnitStatus.ACKNOWLEDGED, None] for line, has in self.walmart.items()}
        if all(free[line] >= count for line, count in units.items()):
            self.land(task, units)

    @rule()
    def the_quiet_period_ends(self) -> None:
        """Drop the late writes: a write that has not arrived by now never will."""
        self.late.clear()
        self.now += QUIET

    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        waiting = self.tasks(*OPEN)
        assume(waiting)
        task = data.draw(st.sampled_from(waiting))
        self.settle({task.update_id: State.FAILED})

    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        failed = self.tasks(State.FAILED)
        assume(failed)
        task = data.draw(st.sampled_from(failed))
        try:
            again = reservation.reserve_again(self.order, task.update_id)
        except Conflict:
            return
        self.order = reservation.with_state(again, {task.update_id: State.VERIFYING})

    @rule(data=st.data())
    def dismiss(self, data: st.DataObject) -> None:
        unresolved = self.tasks(*UNRESOLVED)
        assume(unresolved)
        task = data.draw(st.sampled_from(unresolved))
        self.settle({task.update_id: State.DISMISSED})

    @rule(line=st.sampled_from(LINES), cancels=st.booleans())
    def a_person_acts_in_seller_center(self, line: str, cancels: bool) -> None:
        assume(self.walmart[line][UnitStatus.ACKNOWLEDGED, None])
        status = UnitStatus.CANCELLED if cancels else UnitStatus.SHIPPED
        self.move(line, 1, status, None if cancels else "BYHAND")

    @rule()
    def refresh(self) -> None:
        self.settle()

    @invariant()
    def units_add_up(self) -> None:
        for line in self.order.lines:
            held = sum(
                item.reserved
                for task in self.order.tasks
                for item in task.items
                if item.line_number == line.line_number
            )
            assert line.pending == held
            assert line.remaining >= 0
            assert line.ordered == line.pending + line.shipped + line.canceled + line.remaining

    @invariant()
    def no_unit_is_counted_that_walmart_does_not_have(self) -> None:
        for line in self.order.lines:
            units = self.walmart[line.line_number]
            shipped_units = sum(
                n for (status, _), n in units.items() if status is UnitStatus.SHIPPED
            )
            lost = sum(n for (status, _), n in units.items() if status is UnitStatus.CANCELLED)
            assert line.shipped <= shipped_units
            assert line.canceled <= lost

    @invariant()
    def no_more_units_are_shipped_than_requested(self) -> None:
        for line, units in self.walmart.items():
            for (_, number), count in units.items():
                if number in NUMBERS:
                    assert count <= self.asked[line, number]

    @invariant()
    def a_confirmed_update_has_all_its_units(self) -> None:
        for task in self.order.tasks:
            if task.state is State.CONFIRMED:
                assert not any(item.reserved for item in task.items)

    @precondition(lambda self: not self.tasks(*UNRESOLVED) and not self.doubtful())
    @invariant()
    def at_rest_the_order_is_what_walmart_shows(self) -> None:
        settled = settlement.settle(self.order, self.snapshot(), self.now + QUIET).order
        assert all(line.pending == 0 for line in settled.lines)


OrderBooks.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestOrderBooks = OrderBooks.TestCase
