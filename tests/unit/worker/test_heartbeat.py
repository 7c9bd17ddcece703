from dataclasses import dataclass, field

from app.worker.heartbeat import Heartbeat


@dataclass
class Clock:
    now: float = 100.0
    heartbeat: Heartbeat = field(init=False)

    def __post_init__(self) -> None:
        self.heartbeat = Heartbeat(lambda: self.now, patience=180)


def test_a_running_loop_is_alive_and_a_stopped_one_is_reported() -> None:
    clock = Clock()
    clock.heartbeat.beat()
    clock.now += 180
    assert clock.heartbeat.stopped() is None
    clock.now += 1
    assert clock.heartbeat.stopped() == "The poller's loop has not turned for 181 seconds."
    clock.heartbeat.beat()
    assert clock.heartbeat.stopped() is None


def test_a_poller_that_waits_for_its_database_is_not_reported_as_hung() -> None:
    clock = Clock()
    clock.now += 3600
    assert clock.heartbeat.stopped() is None
