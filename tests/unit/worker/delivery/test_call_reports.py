"""Call reports: what the calls of a delivery mean for their lanes, timed by the database's clock."""

from dataclasses import replace
from datetime import timedelta

from app.domain.outbox.outcome import Pause
from app.domain.outbox.rate_limits import (
    BREAK_AFTER,
    Breaker,
    Endpoint,
    Lane,
    apply_reports,
    newly_blocked,
)
from app.http_client import call as calls
from app.worker.delivery import call_reports
from tests.builders import NOW
from tests.unit.walmart.builders import a_call

LATER = timedelta(minutes=10)


def test_call_times_are_counted_back_from_the_end_of_the_last_call() -> None:
    call = replace(a_call(200), operation="ship", started_at=NOW, ended_at=NOW)
    (reports, lane_report) = call_reports.report(1, [call], None, NOW + LATER)
    assert (reports.endpoint, reports.began_at, reports.ended_at) == (
        Endpoint.SHIP,
        NOW + LATER,
        NOW + LATER,
    )
    assert (lane_report.endpoint, lane_report.served) == (Endpoint.ALL, True)


def test_a_missing_permission_stops_its_lane_once_for_all_tries() -> None:
    pause = Pause(Endpoint.SHIP, "walmart_access_denied", timedelta(seconds=60))
    call = replace(a_call(403), operation="ship", started_at=NOW, ended_at=NOW)
    before = Lane(1, Endpoint.SHIP, answered=True)
    lane = apply_reports(before, call_reports.report(1, [call], pause, NOW), Breaker())
    assert newly_blocked(before, lane)
    assert lane.failures >= BREAK_AFTER
    again = apply_reports(lane, call_reports.report(1, [call], pause, NOW + LATER), Breaker())
    assert not newly_blocked(lane, again)
    assert again.since == NOW


def test_an_internal_failure_reports_nothing_about_walmart() -> None:
    call = a_call(None, failure=calls.POOL_TIMEOUT)
    assert list(call_reports.report(1, [call], None, NOW)) == []


def test_a_rejected_token_affects_the_whole_store() -> None:
    pause = Pause(Endpoint.ALL, "credentials_rejected", timedelta(seconds=60))
    call = replace(a_call(401), operation="token")
    (reports,) = call_reports.report(1, [call], pause, NOW)
    assert (reports.endpoint, reports.pause) == (Endpoint.ALL, pause)
