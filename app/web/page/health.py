"""Sync health: a verdict, five figures, charts with their tables, and each store."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from babel import dates
from fastapi import Response

from app.storage import queries
from app.storage.queries import HealthSpan
from app.storage.queries.views import ComparisonView, HealthView
from app.web.page import health_charts, health_lanes
from app.web.page.context import PageReading
from app.web.page.health_charts import LIMIT_SECONDS, TimeScale
from app.web.page.health_outages import outages
from app.web.page.health_verdict import verdict
from app.web.page.i18n import deferred
from app.web.page.route import PageRouter
from app.web.page.viewer import Viewer

router = PageRouter()


class Lately(StrEnum):
    """How far back the page shows."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


@dataclass(frozen=True, slots=True)
class LatelyWords:
    """A span with its words: of the choice, and of one step."""

    span: HealthSpan
    choice: str
    title: str
    each: str
    labels: timedelta
    """Where labels of time may be."""


SPANS = {
    Lately.DAY: LatelyWords(
        HealthSpan(24, timedelta(minutes=30)),
        deferred("24 hours"),
        deferred("last 24 hours"),
        deferred("Updates to Walmart and Commerce, each half hour"),
        timedelta(hours=1),
    ),
    Lately.WEEK: LatelyWords(
        HealthSpan(7 * 24, timedelta(hours=2)),
        deferred("7 days"),
        deferred("last 7 days"),
        deferred("Updates to Walmart and Commerce, each two hours"),
        timedelta(minutes=30),
    ),
    Lately.MONTH: LatelyWords(
        HealthSpan(30 * 24, timedelta(days=1)),
        deferred("30 days"),
        deferred("last 30 days"),
        deferred("Updates to Walmart and Commerce, each day"),
        timedelta(minutes=30),
    ),
}


@router.get("/health")
async def health(context: PageReading, span: Lately = Lately.DAY) -> Response:
    """Sync health of the picked store, or of all."""
    store = context.store.store_id if context.store else context.caller.store_id
    chosen = SPANS[span]
    async with context.app.database.direct.reading() as session:
        found = await queries.health(session, store, chosen.span)
    bad = outages(found.series, chosen.span.step)
    scale = _scale(found, chosen, context.viewer)
    return context.render(
        "health.html",
        health=found,
        verdict=verdict(found, context.viewer.now, context.attention),
        chosen=chosen,
        spans={
            each: (words.choice, context.link("/health", span=each))
            for each, words in SPANS.items()
        },
        span=span,
        bars=health_charts.bars(found.series, scale, bad),
        lags=health_charts.lags(found.series, scale, bad),
        busiest=_busiest(found),
        slowest=max(
            (point for point in found.series if point.deliveries.p99_seconds is not None),
            key=lambda point: point.deliveries.p99_seconds or 0.0,
            default=None,
        ),
        limit=LIMIT_SECONDS,
        outages=bad,
        chips=health_lanes.chips,
        compared=_compared(found),
    )


def _scale(found: HealthView, chosen: LatelyWords, viewer: Viewer) -> TimeScale:
    # A clock of 12 hours has the part of the day (a) in its pattern.
    hours = "h" if "a" in viewer.babel.time_formats["short"].pattern else "H"

    def hour(at: datetime) -> str | None:
        own = at.astimezone(viewer.zone)
        if own.hour % 2 or own.minute:
            return None
        return dates.format_skeleton(hours, own, tzinfo=viewer.zone, locale=viewer.babel)

    def day(at: datetime) -> str | None:
        own = at.astimezone(viewer.zone)
        if own.hour or own.minute:
            return None
        skeleton = "EEE" if chosen.span.hours <= 7 * 24 else "MMMd"
        return dates.format_skeleton(skeleton, own, tzinfo=viewer.zone, locale=viewer.babel)

    end = found.since + timedelta(hours=chosen.span.hours)
    labels = hour if chosen.span.hours <= 24 else day  # noqa: PLR2004 - a day
    return TimeScale(found.since, end, labels, timedelta(minutes=30))


def _busiest(found: HealthView) -> tuple[int, int]:
    """The fewest and the most updates of a step that had any."""
    counts = [each.deliveries.confirmed + each.deliveries.failed for each in found.series]
    some = [count for count in counts if count]
    return min(some, default=0), max(some, default=0)


def _compared(found: HealthView) -> ComparisonView | None:
    """The comparisons of all stores as one, of the time of the oldest. None before the first."""
    each = [store.comparison for store in found.stores if store.comparison is not None]
    if not each:
        return None
    return ComparisonView(
        finished_at=min(one.finished_at for one in each),
        orders=sum(one.orders for one in each),
        repaired=sum(one.repaired for one in each),
        differences=sum(one.differences for one in each),
        stopped=next((one.stopped for one in each if one.stopped), None),
    )
