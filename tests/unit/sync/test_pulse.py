from dataclasses import dataclass, field

from app.worker.heartbeat import Pulse


@dataclass
class Clock:
    now: float = 100.0
    pulse: Pulse = field(init=False)

    def __post_init__(self) -> None:
        self.pulse = Pulse(lambda: self.now, patience=180)


def test_a_loop_that_turns_is_alive_and_one_that_does_not_is_told_of() -> None:
    clock = Clock()
    clock.pulse.beat()
    clock.now += 180
    assert clock.pulse.stopped() is None
    clock.now += 1
    assert clock.pulse.stopped() == "The poller's loop has not turned for 181 seconds."
    clock.pulse.beat()
    assert clock.pulse.stopped() is None


def test_a_poller_that_still_waits_for_its_database_is_not_taken_for_hung() -> None:
    clock = Clock()
    clock.now += 3600
    assert clock.pulse.stopped() is None
