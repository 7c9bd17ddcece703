from dataclasses import dataclass, field

from app.worker.heartbeat import Heartbeat


@dataclass
class Clock:
    now: float = 100.0
    heartbeat: Heartbeat = field(init=False)

    def __post_init__(self) -> None:
        self.heartbeat = Heartbeat(lambda: self.now, patience=180)


def test_a_loop_that_turns_is_alive_and_one_that_does_not_is_told_of() -> None:
    clock = Clock()
    clock.heartbeat.beat()
    clock.now += 180
    assert clock.heartbeat.stopped() is None
    clock.now += 1
    assert clock.heartbeat.stopped() == "The poller's loop has not turned for 181 seconds."
    clock.heartbeat.beat()
    assert clock.heartbeat.stopped() is None


def test_a_poller_that_still_waits_for_its_database_is_not_taken_for_hung() -> None:
    clock = Clock()
    clock.now += 3600
    assert clock.heartbeat.stopped() is None
