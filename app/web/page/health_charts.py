"""Geometry of the charts of sync health: bars for each step, and lags on a logarithmic scale.

A chart is drawn in three sizes, each with its own labels, and CSS shows the one that fits.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.storage.queries.views import DeliveriesView, DeliveryPointView
from app.web.page.health_outages import Outage

LIMIT_SECONDS = 300.0
"""The five minutes between two synchronisations that merchants are used to."""
_LOWEST, _HIGHEST, _LONGEST = 0.1, 1000.0, 10_000.0
_BOTTOM, _TOP, _GAP = 24.0, 22.0, 0.16
_LABEL = 42.0


@dataclass(frozen=True, slots=True)
class ChartSize:
    """One size of a chart, in units of its view box."""

    name: str
    width: float
    height: float
    merge: int
    """Steps of the series in one bar."""
    ticks: int
    """At most so many labels of time."""


SIZES = (
    ChartSize("wide", 1180, 190, 1, 12),
    ChartSize("middle", 640, 190, 1, 8),
    ChartSize("small", 350, 180, 2, 5),
)


@dataclass(frozen=True, slots=True)
class ChartLabel:
    """A text beside a line of the grid or below the chart."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class ChartSpan:
    """A part of the time that is set off, from x on."""

    x: float
    width: float
    outage: Outage


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as it is drawn. Paths are SVG path data."""

    size: ChartSize
    paths: dict[str, str]
    """Path data by class."""
    grid: Sequence[ChartLabel]
    times: Sequence[ChartLabel]
    spans: Sequence[ChartSpan]
    limit: float | None = None
    """Where the line of five minutes is."""

    @property
    def left(self) -> float:
        """Where the plot begins."""
        return _LABEL

    @property
    def bottom(self) -> float:
        """Where the plot ends."""
        return self.size.height - _BOTTOM


@dataclass(frozen=True, slots=True)
class TimeScale:
    """The horizontal axis."""

    since: datetime
    until: datetime
    labels: Callable[[datetime], str | None]
    """The label of a moment; None for a moment that has none."""
    every: timedelta
    """Where labels may be."""

    def x(self, at: datetime, size: ChartSize) -> float:
        """The place of a moment."""
        return _LABEL + (at - self.since) / (self.until - self.since) * (size.width - _LABEL)

    def ticks(self, size: ChartSize) -> list[ChartLabel]:
        """Labels, as many as there is room for."""
        moments, at = [], self.since
        while at <= self.until:
            text = self.labels(at)
            if text is not None:
                moments.append(ChartLabel(round(self.x(at, size), 1), text))
            at += self.every
        return moments[:: max(1, math.ceil(len(moments) / size.ticks))]


def bars(
    series: Sequence[DeliveryPointView], scale: TimeScale, outages: Sequence[Outage]
) -> list[Chart]:
    """Bars of first tries, later tries and failures, in every size."""
    return [_bars(series, scale, outages, size) for size in SIZES]


def lags(
    series: Sequence[DeliveryPointView], scale: TimeScale, outages: Sequence[Outage]
) -> list[Chart]:
    """Lines of the typical and the slow lag, in every size."""
    return [_lags(series, scale, outages, size) for size in SIZES]


def _bars(
    series: Sequence[DeliveryPointView],
    scale: TimeScale,
    outages: Sequence[Outage],
    size: ChartSize,
) -> Chart:
    groups = [series[start : start + size.merge] for start in range(0, len(series), size.merge)]
    stacks = [_stack([point.deliveries for point in group]) for group in groups]
    most = _round_up(max((sum(stack) for stack in stacks), default=0))
    room, bottom = (size.width - _LABEL) / max(len(groups), 1), size.height - _BOTTOM
    height = bottom - _TOP
    paths = {"first": "", "retry": "", "failed": ""}
    for number, stack in enumerate(stacks):
        x, y = _LABEL + (number + _GAP / 2) * room, bottom
        for name, count in zip(paths, stack, strict=True):
            tall = count / most * height
            # What happened once among thousands is still seen.
            tall = max(tall, 1.5) if count else 0.0
            if tall:
                paths[name] += f"M{x:.1f} {y:.1f}v-{tall:.1f}h{room * (1 - _GAP):.1f}v{tall:.1f}z"
            y -= tall
    grid = [
        ChartLabel(round(bottom - share * height, 1), f"{most * share:g}") for share in (0, 0.5, 1)
    ]
    return Chart(size, paths, grid, scale.ticks(size), _spans(outages, scale, size))


def _stack(deliveries: Iterable[DeliveriesView]) -> tuple[int, int, int]:
    found = [(each.first_try, each.after_retry, each.failed) for each in deliveries]
    first, retry, failed = (sum(column) for column in zip(*found, strict=True))
    return first, retry, failed


def _round_up(most: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 …, so that the half is a whole number."""
    ten = 1
    while True:
        for step in (2, 4, 10):
            if most <= step * ten:
                return step * ten
        ten *= 10


def _lags(
    series: Sequence[DeliveryPointView],
    scale: TimeScale,
    outages: Sequence[Outage],
    size: ChartSize,
) -> Chart:
    slow = [point.deliveries.p99_seconds or 0.0 for point in series]
    highest = _LONGEST if max(slow, default=0.0) > _HIGHEST else _HIGHEST
    bottom = size.height - _BOTTOM
    decades = math.log10(highest / _LOWEST)

    def y(seconds: float) -> float:
        share = math.log10(max(seconds, _LOWEST) / _LOWEST) / decades
        return round(bottom - share * (bottom - _TOP), 1)

    room = (size.width - _LABEL) / max(len(series), 1)
    typical, slowest = ("", "")
    begun = False
    for number, point in enumerate(series):
        one, other = point.deliveries.p50_seconds, point.deliveries.p99_seconds
        if one is None or other is None:
            begun = False
            continue
        x = f"{_LABEL + (number + 0.5) * room:.1f}"
        # A line of no length is drawn as a dot.
        typical += f"L{x} {y(one)}" if begun else f"M{x} {y(one)}h0"
        slowest += f"L{x} {y(other)}" if begun else f"M{x} {y(other)}h0"
        begun = True
    grid = [
        ChartLabel(y(seconds), f"{seconds:g}")
        for seconds in (0.1, 1.0, 10.0, 100.0, 1000.0)
        if seconds < highest
    ]
    times, spans = scale.ticks(size), _spans(outages, scale, size)
    paths = {"slowest": slowest, "typical": typical}
    return Chart(size, paths, grid, times, spans, y(LIMIT_SECONDS))


def _spans(outages: Sequence[Outage], scale: TimeScale, size: ChartSize) -> list[ChartSpan]:
    found = []
    for outage in outages:
        x = scale.x(outage.since, size)
        found.append(ChartSpan(round(x, 1), round(scale.x(outage.until, size) - x, 1), outage))
    return found
