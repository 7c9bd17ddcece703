"""The traceparent of a request, and what tracing costs where it is off: nothing is made."""

import asyncio
import http.server
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog

import app
from app import telemetry, tracing
from app.bootstrap import process
from app.tracing import Work

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([GOOD], GOOD),
        ([f" {GOOD} "], GOOD),
        ([f"00-{TRACE}-{SPAN}-00"], f"00-{TRACE}-{SPAN}-00"),
        # Of the flags only "sampled" is defined; a later version may have more parts.
        ([f"00-{TRACE}-{SPAN}-ff"], GOOD),
        ([f"cc-{TRACE}-{SPAN}-01-what-the-future-brings"], GOOD),
        ([], None),
        ([""], None),
        ([GOOD, GOOD], None),
        ([GOOD.upper()], None),
        ([f"{GOOD}-more"], None),
        ([f"cc-{TRACE}-{SPAN}-01.more"], None),
        ([f"ff-{TRACE}-{SPAN}-01"], None),
        ([f"00-{'0' * 32}-{SPAN}-01"], None),
        ([f"00-{TRACE}-{'0' * 16}-01"], None),
        ([f"00-{TRACE[:-1]}-{SPAN}-01"], None),
        (["'; DROP TABLE updates"], None),
    ],
)
def test_a_valid_traceparent_is_kept_and_any_other_ignored(
    given: list[str], kept: str | None
) -> None:
    assert tracing.valid_traceparent(given) == kept
    assert tracing.trace_id(kept) == (TRACE if kept else None)


def test_nothing_is_recorded_while_nobody_asks_for_it() -> None:
    with tracing.span(Work.REQUEST, GOOD, method="GET") as span:
        span.note(status=200)
        assert span.traceparent is None
    with tracing.span(Work.CALL) as other:
        assert other is span


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes what is exported by OTLP."""

    paths: set[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.paths.add(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def collector() -> Iterator[tuple[str, set[str]]]:
    paths = set[str]()
    handler = type("Own", (Collector,), {"paths": paths})
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


async def _traced(environment: dict[str, str]) -> str | None:
    async with process.telemetry(environment):
        with tracing.span(Work.REQUEST, GOOD) as span:
            await asyncio.sleep(0)
        return span.traceparent


async def test_opentelemetrys_own_settings_turn_it_on_and_say_where_it_goes(
    collector: tuple[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, paths = collector
    asks = {"OTEL_EXPORTER_OTLP_ENDPOINT": address}
    for name, value in asks.items():
        monkeypatch.setenv(name, value)
    assert await _traced({}) is None
    assert await _traced({**asks, "OTEL_SDK_DISABLED": "true"}) is None
    assert paths == set()
    made = await _traced(asks)
    assert made is not None
    assert made.split("-")[1] == TRACE
    assert made != GOOD
    assert paths == {"/v1/traces", "/v1/metrics"}
    assert await _traced({}) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, {"TRACES", "METRICS"}),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a/v1/traces"}, {"TRACES"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a/v1/metrics"}, {"METRICS"}),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"},
            {"METRICS"},
        ),
    ],
)
def test_what_has_no_address_is_not_exported(given: dict[str, str], expected: set[str]) -> None:
    assert telemetry.exports(given) == expected


def test_the_service_has_the_name_that_opentelemetrys_settings_give_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert telemetry.described().attributes["service.name"] == "waybill"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment.environment=b")
    found = telemetry.described().attributes
    assert (found["service.name"], found["deployment.environment"]) == ("a", "b")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "c")
    assert telemetry.described().attributes["service.name"] == "c"


async def test_without_the_extra_the_log_says_so_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "app.telemetry", None)
    monkeypatch.delattr(app, "telemetry", raising=False)
    with structlog.testing.capture_logs() as logged:
        assert await _traced({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) is None
    assert [(each["event"], each["reason"]) for each in logged] == [
        ("telemetry_off", "waybill[otel] is not installed")
    ]
