"""Spans and metrics by OpenTelemetry (the extra `waybill[otel]`), as docs/operations.md explains.

OpenTelemetry's own settings (`OTEL_…`) say where they go, how often, and which share is sampled.
Spans have the facts that `app/tracing.py` lists and the class of an exception, never its message.
Each span is measured too, whether it is sampled or not.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app import tracing
from app.tracing import FACTS, Fact, Work
from app.version import VERSION

_KINDS: Final = {
    Work.REQUEST: SpanKind.SERVER,
    Work.DELIVERY: SpanKind.CONSUMER,
    Work.CALL: SpanKind.CLIENT,
}
# The instrument of each span's duration in seconds, and the facts that it is counted by.
_MEASURED: Final[Mapping[Work, tuple[str, tuple[str, ...]]]] = {
    Work.REQUEST: ("http.server.request.duration", ("method", "route", "status")),
    Work.CALL: ("http.client.request.duration", ("operation", "method", "status")),
    Work.DELIVERY: ("waybill.delivery.duration", ("kind", "verdict")),
    Work.CLAIM: ("waybill.claim.duration", ()),
    Work.TRANSACTION: ("waybill.transaction.duration", ()),
}
# The facts that name a span, beside its work.
_NAMED: Final = ("kind", "operation", "method", "route")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROPAGATOR: Final = TraceContextTextMapPropagator()


@dataclass(slots=True)
class _Recorded:
    """A span in progress."""

    span: trace.Span
    facts: dict[str, Fact] = field(default_factory=dict)

    @property
    def traceparent(self) -> str | None:
        """By which work elsewhere continues it."""
        found = self.span.get_span_context()
        if not found.is_valid:
            return None
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"

    def note(self, **facts: Fact) -> None:
        """Add facts."""
        known = {name: value for name, value in facts.items() if value is not None}
        if known.get("method", "GET") not in _METHODS:
            # As the semantic conventions for HTTP name a method that a caller made up.
            known["method"] = "_OTHER"
        self.facts |= known
        self.span.set_attributes(_attributes(known))
        failed = known.get("failure") or known.get("verdict") == "fault"
        if failed or int(known.get("status") or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.span.set_status(StatusCode.ERROR)


class OpenTelemetryRecorder:
    """Records spans by OpenTelemetry, and their durations as histograms."""

    def __init__(self, tracers: trace.TracerProvider, meters: MeterProvider) -> None:
        self._tracer = tracers.get_tracer("waybill", VERSION)
        meter = meters.get_meter("waybill", VERSION)
        self._seconds: dict[Work, Histogram] = {
            work: meter.create_histogram(name, "s", f"Duration of a {work}.")
            for work, (name, _) in _MEASURED.items()
        }

    @contextmanager
    def span(self, work: Work, parent: str | None, facts: dict[str, Fact]) -> Iterator[_Recorded]:
        """Record the block as a span. A transaction outside of other work is only measured."""
        began = time.perf_counter()
        recorded = _Recorded(self._begun(work, parent))
        recorded.note(**facts)
        with trace.use_span(
            recorded.span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            try:
                yield recorded
            except BaseException as error:
                recorded.span.set_status(StatusCode.ERROR)
                recorded.span.set_attribute("error.type", type(error).__name__)
                raise
            finally:
                recorded.span.update_name(_name(work, recorded.facts))
                self._measure(work, time.perf_counter() - began, recorded.facts)

    def past(
        self, work: Work, parent: str | None, times: tuple[float, float], facts: dict[str, Fact]
    ) -> None:
        """Record work that has ended. times: of the monotonic clock."""
        began, ended = (_nanoseconds(each) for each in times)
        span = self._tracer.start_span(
            work.value, _context(parent), _kind(work), _attributes(facts), start_time=began
        )
        span.end(ended)
        self._measure(work, times[1] - times[0], facts)

    def _begun(self, work: Work, parent: str | None) -> trace.Span:
        if work is Work.TRANSACTION and not trace.get_current_span().get_span_context().is_valid:
            return trace.INVALID_SPAN
        return self._tracer.start_span(work.value, _context(parent), _kind(work))

    def _measure(self, work: Work, seconds: float, facts: Mapping[str, Fact]) -> None:
        counted = {name: facts[name] for name in _MEASURED[work][1] if name in facts}
        self._seconds[work].record(seconds, _attributes(counted))


def _kind(work: Work) -> SpanKind:
    return _KINDS.get(work, SpanKind.INTERNAL)


def _name(work: Work, facts: Mapping[str, Fact]) -> str:
    return " ".join([work.value, *(str(facts[name]) for name in _NAMED if name in facts)])


def _context(parent: str | None) -> Context | None:
    """The context below a traceparent. None means the current one."""
    return None if parent is None else _PROPAGATOR.extract({"traceparent": parent}, Context())


def _attributes(facts: Mapping[str, Fact]) -> dict[str, str | int | float | bool]:
    return {FACTS[name]: value for name, value in facts.items() if value is not None}


def _nanoseconds(monotonic: float) -> int:
    """A time of the monotonic clock in nanoseconds since 1970."""
    return time.time_ns() - round((time.monotonic() - monotonic) * 1e9)


def exports(environment: Mapping[str, str]) -> set[str]:
    """What has an address to go to, and is not turned off: `TRACES`, `METRICS`."""
    return {
        signal
        for signal in ("TRACES", "METRICS")
        if environment.get(f"OTEL_{signal}_EXPORTER") != "none"
        and (
            environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
            or environment.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        )
    }


def described() -> Resource:
    """This service: by OpenTelemetry's own settings, else under the name `waybill`."""
    named = OTELResourceDetector().detect().attributes.get(SERVICE_NAME, "waybill")
    return Resource.create({SERVICE_NAME: named, SERVICE_VERSION: VERSION})


@asynccontextmanager
async def exported(environment: Mapping[str, str]) -> AsyncIterator[None]:
    """Record during the block, and export by OTLP over HTTP; what is left goes out at the end."""
    resource = described()
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    wanted = exports(environment)
    if "TRACES" in wanted:
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    readers = []
    if "METRICS" in wanted:
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    meters = MeterProvider(readers, resource, shutdown_on_exit=False)
    tracing.record_by(OpenTelemetryRecorder(tracers, meters))
    try:
        yield
    finally:
        tracing.record_by(None)
        # They wait for the network, up to OTEL_EXPORTER_OTLP_TIMEOUT.
        await asyncio.gather(*(asyncio.to_thread(each.shutdown) for each in (tracers, meters)))
