"""What calls tell about lanes, by the database's clock whatever the host's says."""

from dataclasses import replace
from datetime import timedelta

from app.domain.outbox.outcome import Pause
from app.domain.outbox.rate_limits import BREAK_AFTER, Breaker, Endpoint, Lane, after, stopped_anew
from app.http_client import call as calls
from app.worker.delivery import call_reports
from tests.builders import NOW
from tests.unit.walmart.builders import a_call

LATER = timedelta(minutes=10)


def test_times_of_calls_count_from_the_end_of_the_last_one() -> None:
    call = replace(a_call(200), operation="ship", started_at=NOW, ended_at=NOW)
    (news, told) = call_reports.news(1, [call], None, NOW + LATER)
    assert (news.endpoint, news.began_at, news.ended_at) == (
        Endpoint.SHIP,
        NOW + LATER,
        NOW + LATER,
    )
    assert (told.endpoint, told.served) == (Endpoint.ALL, True)


def test_a_permission_that_is_missing_stops_its_lane_once_however_often_it_is_tried() -> None:
    pause = Pause(Endpoint.SHIP, "walmart_access_denied", timedelta(seconds=60))
    call = replace(a_call(403), operation="ship", started_at=NOW, ended_at=NOW)
    before = Lane(1, Endpoint.SHIP, answered=True)
    lane = after(before, call_reports.news(1, [call], pause, NOW), Breaker())
    assert stopped_anew(before, lane)
    assert lane.failures >= BREAK_AFTER
    again = after(lane, call_reports.news(1, [call], pause, NOW + LATER), Breaker())
    assert not stopped_anew(lane, again)
    assert again.since == NOW


def test_what_is_our_own_doing_says_nothing_about_walmart() -> None:
    call = a_call(None, failure=calls.POOL_TIMEOUT)
    assert list(call_reports.news(1, [call], None, NOW)) == []


def test_a_token_that_is_refused_concerns_the_whole_store() -> None:
    pause = Pause(Endpoint.ALL, "credentials_rejected", timedelta(seconds=60))
    call = replace(a_call(401), operation="token")
    (news,) = call_reports.news(1, [call], pause, NOW)
    assert (news.endpoint, news.pause) == (Endpoint.ALL, pause)
