"""What a read finds of the shipments of one line, enumerated over every small case.

A world is a set of shipments in all states, of 1 or 2 units each under the numbers A and B. Each
world is compared with every number of units that Walmart may show. Shipments are equivalent when
they have the same rank and want as many units: worlds of three take one state of each equivalence
class, worlds of two show that the other states of the class are read in the same way.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from app.domain.orders import readback
from app.domain.orders.order import Item, Order, Task
from app.domain.orders.readback import Readback
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.update import Kind, State
from tests.builders import NOW, a_line, a_snapshot, a_task, acknowledged, an_order, shipped

# Ranked by how certain the absence of missing units is: the less certain, the earlier.
UNSURE = (
    (State.VERIFYING, True),
    (State.SENDING, False),
    (State.SENDING, True),
    (State.RETRYING, True),
)
# Not sent again automatically.
STOPPED_UNSURE = ((State.FAILED, True), (State.DISMISSED, True))
ABSENT = ((State.RETRYING, False), (State.PENDING, False), (State.VERIFYING, False))
FAILED = ((State.FAILED, False),)
GIVEN_UP = ((State.DISMISSED, False),)
# In doubt: the units found may be another shipment's, so its own may still arrive.
DONE = ((State.CONFIRMED, False), (State.CONFIRMED, True))
TURNS = {
    **dict.fromkeys(DONE, 0),
    **dict.fromkeys(UNSURE, 1),
    **dict.fromkeys(STOPPED_UNSURE, 2),
    **dict.fromkeys(ABSENT, 3),
    **dict.fromkeys(FAILED, 4),
    **dict.fromkeys(GIVEN_UP, 5),
}
# Units that were requested, and how many of them were confirmed.
PARTS, WHOLE = ((1, 0), (2, 0), (2, 1)), ((1, 1), (2, 2))


@dataclass(frozen=True)
class Shipment:
    """A shipment of a world. wants: units beyond the confirmed ones that may be its own."""

    number: str
    state: State
    in_doubt: bool
    asked: int
    confirmed: int

    @property
    def wants(self) -> int:
        given_up = self.state is State.DISMISSED and not self.in_doubt
        return 0 if given_up else self.asked - self.confirmed

    def task(self, sequence: int) -> Task:
        item = Item("1", self.asked, confirmed=self.confirmed, reserved=self.wants)
        doubt = NOW if self.in_doubt else None
        return a_task(
            item,
            state=self.state,
            sequence=sequence,
            tracking_number=self.number,
            in_doubt_until=doubt,
        )


World = tuple[Shipment, ...]
KINDS = (UNSURE[0], STOPPED_UNSURE[0], ABSENT[0], *FAILED, *GIVEN_UP, DONE[0])


def shipments(numbers: str, *states: tuple[State, bool]) -> list[Shipment]:
    return [
        Shipment(number, state, in_doubt, *units)
        for number in numbers
        for state, in_doubt in states
        for units in (WHOLE if (state, in_doubt) in DONE else PARTS)
    ]


def worlds(*numbers: str) -> Iterator[World]:
    """Yield every world of shipments under these numbers."""
    return itertools.product(*(shipments(number, *KINDS) for number in numbers))


def read(
    world: World, under: Mapping[str, int], by_hand: int = 0, unsent: int = 0
) -> list[Readback]:
    """Return what is read of each shipment of a world when Walmart shows these units."""
    tasks = tuple(each.task(index) for index, each in enumerate(world, 1))
    order = an_order(a_line("1", 20), tasks=tasks)
    return readings(order, tasks, snapshot_of(under, by_hand, unsent))


def readings(order: Order, tasks: Sequence[Task], snapshot: OrderSnapshot) -> list[Readback]:
    return [readback.read(order, task, snapshot) for task in tasks]


@functools.cache
def plainly(a: int, b: int = 0) -> OrderSnapshot:
    return snapshot_of({"A": a, "B": b})


def snapshot_of(under: Mapping[str, int], by_hand: int = 0, unsent: int = 0) -> OrderSnapshot:
    packages = [shipped(units, number) for number, units in under.items() if units]
    return a_snapshot({"1": (*packages, shipped(by_hand, "HAND"), acknowledged(unsent))})


def possible_units(world: World) -> Iterator[dict[str, int]]:
    """Units under each number: from none to one more than was requested."""
    asked: Counter[str] = Counter()
    for each in world:
        asked[each.number] += each.asked
    for under in itertools.product(*(range(asked[number] + 2) for number in sorted(asked))):
        yield dict(zip(sorted(asked), under, strict=True))


def wrong(world: World, under: Mapping[str, int], found: Sequence[Readback]) -> Iterator[str]:
    """Yield what is wrong with the readings of a world."""
    units = [reading.found["1"] for reading in found]
    more = [each - of.confirmed for each, of in zip(units, world, strict=True)]
    if any(each < 0 for each in more):
        yield "a confirmed unit was lost"
    for number, there in under.items():
        of = [index for index, each in enumerate(world) if each.number == number]
        confirmed = sum(world[index].confirmed for index in of)
        wanted = sum(world[index].wants for index in of)
        extra = sum(more[index] for index in of)
        seen = sum(found[index].shown["1"] for index in of)
        if not min(there, confirmed) <= seen <= there:
            yield f"{seen} of {there} units under {number} are shown"
        if extra > max(there - confirmed, 0):
            yield f"a unit under {number} was found twice"
        if extra < min(max(there - confirmed, 0), wanted):
            yield f"a unit under {number} was lost, and a shipment wants it"
        for index in of:
            if bool(found[index].excess) is not (there > confirmed + wanted) and world[index].wants:
                yield f"more units are under {number} than were asked for, or are said to be"
        queue = sorted(of, key=lambda index: (rank(world[index]), index))
        for before, after in itertools.pairwise(queue):
            if more[after] and more[before] < world[before].wants:
                yield f"{world[after]} came before {world[before]}"


def rank(shipment: Shipment) -> int:
    return TURNS[shipment.state, shipment.in_doubt]


@pytest.mark.parametrize("numbers", ["AAA", "AAB", "ABA", "ABB"])
def test_each_unit_is_assigned_once_to_the_right_one_of_any_three_shipments(
    numbers: str,
) -> None:
    sharded = len(set(numbers)) > 1
    for world in worlds(*numbers):
        # Numbers do not affect each other, so fewer units cover all of it.
        if sharded and any((each.asked, each.confirmed) in {(2, 0), (2, 2)} for each in world):
            continue
        if sharded and any(each.asked > 1 for each in world if numbers.count(each.number) == 1):
            continue
        tasks = tuple(each.task(index) for index, each in enumerate(world, 1))
        order = an_order(a_line("1", 20), tasks=tasks)
        for under in possible_units(world):
            found = readings(order, tasks, plainly(*under.values()))
            assert not list(wrong(world, under, found)), (world, under)


@pytest.mark.parametrize("states", [UNSURE, STOPPED_UNSURE, ABSENT, DONE])
def test_shipments_of_equal_certainty_are_read_in_the_same_way(
    states: Sequence[tuple[State, bool]],
) -> None:
    for world in worlds("A", "A"):
        plain = {units["A"]: read(world, units) for units in possible_units(world)}
        for index, each in enumerate(world):
            if (each.state, each.in_doubt) != states[0]:
                continue
            for state, in_doubt in states[1:]:
                other = replace(each, state=state, in_doubt=in_doubt)
                like = (*world[:index], other, *world[index + 1 :])
                for under in possible_units(world):
                    assert read(like, under) == plain[under["A"]], (like, under)


def test_units_shipped_by_hand_or_unshipped_do_not_change_what_is_found() -> None:
    for world in worlds("A", "A"):
        for under in possible_units(world):
            plain = read(world, under)
            for by_hand, unsent in ((2, 0), (0, 1)):
                for reading, before in zip(read(world, under, by_hand, unsent), plain, strict=True):
                    assert (reading.found, reading.excess) == (before.found, before.excess)
                    missing = reading.missing.get("1", 0)
                    assert bool(reading.blocked) is (missing > unsent)


def test_a_failed_shipment_finds_nothing_that_a_possibly_arrived_one_wants() -> None:
    for failed, unsure in itertools.product(
        shipments("A", *FAILED), shipments("A", *UNSURE, *ABSENT)
    ):
        for world in ((failed, unsure), (unsure, failed)):
            units = unsure.confirmed + failed.confirmed + unsure.wants
            found = read(world, {"A": units})[world.index(failed)].found["1"]
            assert found == failed.confirmed, world


@pytest.mark.parametrize("in_doubt", [False, True])
def test_a_confirmed_shipment_finds_its_units_before_one_in_doubt(*, in_doubt: bool) -> None:
    """Confirmed by Walmart's answer or by a read, even if the units may be another shipment's."""
    just = [
        replace(each, state=State.CONFIRMED, in_doubt=in_doubt)
        for each in shipments("A", ABSENT[0])
    ]
    for confirmed, unsure in itertools.product(just, shipments("A", *UNSURE)):
        for world in ((confirmed, unsure), (unsure, confirmed)):
            units = unsure.confirmed + confirmed.asked
            found = [each.found["1"] for each in read(world, {"A": units})]
            assert found[world.index(confirmed)] == confirmed.asked, world
            assert found[world.index(unsure)] == unsure.confirmed, world


# Units that Walmart's own answer has just confirmed are not counted yet.
JUST = (State.CONFIRMED, False)


@pytest.mark.parametrize("corrected", [State.PENDING, State.CONFIRMED])
@pytest.mark.parametrize(("old", "new"), ["AB", "BA"])
def test_no_unit_is_found_twice_after_a_tracking_correction(
    corrected: State, old: str, new: str
) -> None:
    kinds = [*(KINDS[:-1]), JUST]
    alone = [Shipment(n, *kind, 1, 0) for n in "AB" for kind in kinds]
    alone += [Shipment(n, *DONE[0], 1, 1) for n in "AB"]
    for world in itertools.combinations_with_replacement(alone, 3):
        tasks = tuple(each.task(index) for index, each in enumerate(world, 1))
        first = next((each for each in tasks if each.tracking_number == old), None)
        if first is None:
            continue
        correction = a_task(
            kind=Kind.TRACKING,
            state=corrected,
            sequence=4,
            previous_tracking_number=old,
            corrects=first.update_id,
        )
        correction = replace(correction, tracking_number=new)
        order = an_order(a_line("1", 20), tasks=(*tasks, correction))
        confirmed = Counter(each.number for each in world if each.confirmed)
        for a, b in itertools.product(range(4), repeat=2):
            there = {"A": a, "B": b}
            found = [readback.read(order, task, plainly(a, b)) for task in tasks]
            more = sum(r.found["1"] - each.confirmed for r, each in zip(found, world, strict=True))
            # Units of the old number may be under the new one as well.
            known = min(confirmed[new], there[new])
            known += min(confirmed[old], a + b - known)
            assert more <= a + b - known, (world, there)
