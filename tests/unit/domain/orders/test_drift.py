"""Drift between our copy of an order and Walmart's: its causes and its repairs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders import drift, settlement
from app.domain.orders.drift import Cause, Drift, Repair
from app.domain.orders.order import Item, Order, OrderLine, Task
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot, Units, UnitStatus
from app.domain.update import OPEN, Kind, State
from tests.builders import (
    NOW,
    PURCHASE_ORDER,
    a_line,
    a_snapshot,
    a_task,
    acknowledged,
    an_order,
    canceled,
    shipped,
)


def compare(order: Order, snapshot: OrderSnapshot) -> tuple[Drift, ...]:
    return drift.compare(order, snapshot, NOW, timedelta(minutes=2))


def causes(order: Order, snapshot: OrderSnapshot) -> list[tuple[Cause, Repair]]:
    return [(found.cause, found.repair) for found in compare(order, snapshot)]


def test_an_order_that_walmart_shows_identically_has_no_drift() -> None:
    order = an_order(a_line(ordered=3, shipped=1))
    assert causes(order, a_snapshot({"1": (shipped(1), acknowledged(2))})) == []


def test_units_shipped_outside_waybill_are_settled_by_a_read() -> None:
    (found,) = compare(an_order(), a_snapshot({"1": (shipped(2), acknowledged(1))}))
    assert found == Drift(Cause.SHIPPED_IN_SELLER_CENTER, Repair.READ, "1", 0, 2)


def test_units_canceled_by_walmart_are_settled_by_a_read() -> None:
    snapshot = a_snapshot({"1": (canceled(1), acknowledged(2))})
    assert causes(an_order(), snapshot) == [(Cause.CANCELED_BY_WALMART, Repair.READ)]


def test_refunded_units_are_settled_by_a_read() -> None:
    order = an_order(a_line(shipped=3))
    snapshot = a_snapshot({"1": (Units(UnitStatus.REFUND, 1), shipped(2))})
    assert causes(order, snapshot) == [(Cause.REFUNDED_AT_WALMART, Repair.READ)]


@pytest.mark.parametrize("confirmed", [0, 1])
def test_units_of_ours_in_an_unknown_status_are_drift_and_not_missing(confirmed: int) -> None:
    state = State.CONFIRMED if confirmed else State.FAILED
    task = a_task(Item("1", 1, confirmed, 1 - confirmed), state=state, tracking_number="1Z1")
    order = an_order(a_line(shipped=confirmed, pending=1 - confirmed), tasks=(task,))
    other = Units(UnitStatus.OTHER, 1, "1z 1")
    found = compare(order, a_snapshot({"1": (other, acknowledged(2))}))
    assert found == (Drift(Cause.STATUS_UNKNOWN, Repair.PERSON, "1", 0, 1),)
    assert "does not know" in found[0].sentence
    # Units under no number of ours, such as Walmart's OnHold, are not.
    assert causes(order, a_snapshot({"1": (Units(UnitStatus.OTHER, 1), acknowledged(2))})) == (
        [(Cause.MISSING_AT_WALMART, Repair.PERSON)] if confirmed else []
    )


def test_a_buyers_request_to_cancel_is_drift_until_it_is_recorded() -> None:
    seen = LineSnapshot("1", "SKU-1", 3, (acknowledged(3),), cancel_requested=True)
    snapshot = OrderSnapshot(PURCHASE_ORDER, {"1": seen})
    assert causes(an_order(), snapshot) == [(Cause.CANCEL_REQUESTED, Repair.READ)]
    assert causes(an_order(cancel_requested=("1",)), snapshot) == []


def test_a_line_known_only_to_walmart_is_settled_by_a_read() -> None:
    snapshot = a_snapshot({"1": (acknowledged(3),), "2": (acknowledged(1),)})
    assert causes(an_order(), snapshot) == [(Cause.LINE_UNKNOWN, Repair.READ)]


def test_a_line_known_only_here_needs_a_person() -> None:
    order = an_order(a_line("1"), a_line("2"))
    found = compare(order, a_snapshot({"1": (acknowledged(3),)}))
    assert [each.cause for each in found] == [Cause.LINE_MISSING_AT_WALMART]


@pytest.mark.parametrize("line", [a_line(shipped=2), a_line(canceled=2)])
def test_units_that_walmart_no_longer_shows_need_a_person(line: OrderLine) -> None:
    found = compare(an_order(line), a_snapshot({"1": (acknowledged(3),)}))
    assert [(each.cause, each.repair) for each in found] == [
        (Cause.MISSING_AT_WALMART, Repair.PERSON)
    ]
    assert "accept_walmart" in found[0].sentence


def test_a_read_older_than_a_confirmation_is_not_drift() -> None:
    item = Item("1", 2, confirmed=2)
    fresh, old = NOW - timedelta(minutes=1), NOW - timedelta(minutes=3)
    for at, cause in ((fresh, Cause.UPDATE_IN_FLIGHT), (old, Cause.MISSING_AT_WALMART)):
        task = a_task(item, state=State.CONFIRMED, confirmed_at=at)
        order = an_order(a_line(shipped=2), tasks=(task,))
        assert [found for found, _ in causes(order, a_snapshot({"1": (acknowledged(3),)}))] == [
            cause
        ]


@pytest.mark.parametrize("state", sorted(OPEN))
def test_units_of_an_open_shipment_are_not_drift(state: State) -> None:
    order = an_order(a_line(pending=2), tasks=(a_task(Item("1", 2, 0, 2), state=state),))
    (found,) = compare(order, a_snapshot({"1": (shipped(2), acknowledged(1))}))
    assert (found.cause, found.repair) == (Cause.UPDATE_IN_FLIGHT, Repair.WAIT)
    assert not drift.is_drift(found)


def test_units_of_an_open_cancellation_are_not_drift() -> None:
    task = a_task(Item("1", 3, 0, 3), kind=Kind.CANCELLATION)
    order = an_order(a_line(pending=3), tasks=(task,))
    assert causes(order, a_snapshot({"1": (canceled(3),)})) == [
        (Cause.UPDATE_IN_FLIGHT, Repair.WAIT)
    ]


def test_a_failed_update_that_did_arrive_is_distinguished_from_a_shipment_by_hand() -> None:
    task = a_task(Item("1", 1, 0, 1), state=State.FAILED)
    order = an_order(a_line(pending=1), tasks=(task,))
    snapshot = a_snapshot({"1": (shipped(1), shipped(1, "BYHAND"), acknowledged(1))})
    assert causes(order, snapshot) == [
        (Cause.UPDATE_LANDED, Repair.READ),
        (Cause.SHIPPED_IN_SELLER_CENTER, Repair.READ),
    ]


def test_units_beyond_those_of_an_open_update_are_drift_as_well() -> None:
    order = an_order(a_line(pending=1), tasks=(a_task(Item("1", 1, 0, 1)),))
    snapshot = a_snapshot({"1": (shipped(1), shipped(1, "BYHAND"), acknowledged(1))})
    assert causes(order, snapshot) == [
        (Cause.UPDATE_IN_FLIGHT, Repair.WAIT),
        (Cause.SHIPPED_IN_SELLER_CENTER, Repair.READ),
    ]


def test_an_update_that_lacks_its_units_needs_a_person() -> None:
    order = an_order(a_line(pending=2), tasks=(a_task(Item("1", 2, 0, 2)),))
    found = compare(order, a_snapshot({"1": (shipped(2, "BYHAND"), acknowledged(1))}))
    assert [(each.cause, each.repair) for each in found] == [
        (Cause.SHIPPED_IN_SELLER_CENTER, Repair.PERSON)
    ]
    assert "An update here needs these units" in found[0].sentence


def test_every_cause_has_a_sentence() -> None:
    assert all(drift.of_order(cause).sentence for cause in Cause)


STATUSES = [
    UnitStatus.ACKNOWLEDGED,
    UnitStatus.SHIPPED,
    UnitStatus.CANCELLED,
    UnitStatus.REFUND,
    UnitStatus.OTHER,
]
PARCELS = st.builds(
    Units,
    st.sampled_from(STATUSES),
    st.integers(1, 3),
    st.sampled_from([None, "1Z1", "1Z2"]),
)


@st.composite
def snapshots(draw: st.DrawFn) -> OrderSnapshot:
    lines = {}
    for number in draw(st.sets(st.sampled_from(["1", "2", "3"]), min_size=1)):
        units = tuple(draw(st.lists(PARCELS, min_size=1, max_size=3)))
        ordered = sum(each.quantity for each in units)
        asked = draw(st.booleans())
        lines[number] = LineSnapshot(number, "S", ordered, units, cancel_requested=asked)
    return OrderSnapshot(PURCHASE_ORDER, lines)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    lines: list[OrderLine] = []
    tasks: list[Task] = []
    for number in sorted(draw(st.sets(st.sampled_from(["1", "2"]), min_size=1))):
        shipped_units, canceled_units, held = (draw(st.integers(0, 3)) for _ in range(3))
        ordered = shipped_units + canceled_units + held + draw(st.integers(0, 2)) or 1
        refunded = draw(st.integers(0, shipped_units))
        lines.append(
            a_line(
                number, ordered, shipped=shipped_units, canceled=canceled_units, refunded=refunded
            )
        )
        if held:
            state = draw(st.sampled_from([*sorted(OPEN), State.FAILED]))
            item = Item(number, held, 0, held)
            tracking = draw(st.sampled_from(["1Z1", "1Z2"]))
            sequence = len(tasks) + 1
            tasks.append(a_task(item, state=state, tracking_number=tracking, sequence=sequence))
            lines[-1] = replace(lines[-1], pending=held)
    return an_order(*lines, tasks=tuple(tasks))


@given(orders(), snapshots())
def test_after_settlement_drift_remains_only_where_walmart_shows_less(
    order: Order, snapshot: OrderSnapshot
) -> None:
    after = settlement.settle(order, snapshot, NOW).order
    only_here = {line.line_number for line in order.lines} - snapshot.lines.keys()
    for each in compare(after, snapshot):
        if each.line_number in only_here:
            assert each.cause is Cause.LINE_MISSING_AT_WALMART
        elif each.cause is not Cause.STATUS_UNKNOWN:
            assert each.cause is Cause.MISSING_AT_WALMART
            assert (each.walmart or 0) < (each.here or 0)


@given(orders(), snapshots())
def test_every_line_that_settlement_changes_is_reported(
    order: Order, snapshot: OrderSnapshot
) -> None:
    reported = {each.line_number for each in compare(order, snapshot)}
    after = settlement.settle(order, snapshot, NOW).order
    for line in after.lines:
        before = order.line(line.line_number)
        if before is None or _known(before) != _known(line):
            assert line.line_number in reported


@given(orders(), snapshots())
def test_a_read_never_frees_shipped_or_canceled_units(
    order: Order, snapshot: OrderSnapshot
) -> None:
    after = settlement.settle(order, snapshot, NOW).order
    for line in order.lines:
        settled = after.line(line.line_number)
        assert settled is not None
        seen = snapshot.lines.get(line.line_number)
        fixed_units = settled.shipped + settled.canceled
        assert fixed_units >= min(line.shipped + line.canceled, settled.ordered)
        assert fixed_units <= settled.ordered
        canceled = max(line.canceled, seen.canceled) if seen else line.canceled
        assert settled.canceled == min(canceled, settled.ordered)
        room = settled.ordered - settled.canceled
        assert settled.shipped >= min(seen.shipped if seen else line.shipped, room)


@given(orders(), snapshots())
def test_accepting_walmarts_quantities_removes_the_drift(
    order: Order, snapshot: OrderSnapshot
) -> None:
    after = settlement.settle(order, snapshot, NOW, accept_walmart=True).order
    for number, seen in snapshot.lines.items():
        line = after.line(number)
        if line is not None:
            assert (line.shipped, line.canceled) == (seen.shipped, seen.canceled)


def _known(line: OrderLine) -> tuple[int, int, int, int]:
    return line.ordered, line.shipped, line.canceled, line.refunded


def test_a_refunded_unit_without_a_number_is_not_deducted_from_its_shipment() -> None:
    task = a_task(Item("1", 2, confirmed=2), state=State.CONFIRMED)
    order = an_order(a_line("1", 2, shipped=2), tasks=(task,))
    snapshot = a_snapshot({"1": (shipped(1), Units(UnitStatus.REFUND, 1))})
    after = settlement.settle(order, snapshot, NOW, accept_walmart=True).order
    assert after.tasks[0].items[0].confirmed == 2
    assert after.lines[0].shipped == 2
