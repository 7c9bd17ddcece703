"""Reads sync health: rolled-up deliveries, and what each store can send and read now.

Deliveries are never counted here: pollers sum them up (`storage/outbox/rollup.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.domain.outbox import lag
from app.domain.outbox.rate_limits import BLOCKED, BREAK_AFTER
from app.domain.update import Kind
from app.storage.postgres import presence, sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery
from app.storage.postgres.sql import Statement
from app.storage.queries.store_health import store_health
from app.storage.queries.views import (
    BacklogView,
    DeliveriesView,
    DeliveryPointView,
    HealthView,
    KindDeliveriesView,
)

MOST_STORES = 100
"""Stores that are listed."""
MOST_COUNTED = 1000
"""Updates of a store that are counted."""
_LAGS = ", ".join(f"sum(lags[{bucket + 1}])::bigint" for bucket in range(lag.BUCKETS))
# By whether they are of five minutes.
_SUMS = {
    fine: ShardedQuery(
        sql.read(
            "queries/sum_deliveries.sql",
            lags=_LAGS,
            rows=sql.read("queries/rows_of_spans.sql" if fine else "queries/rows_of_steps.sql"),
        )
    )
    for fine in (False, True)
}
_BACKLOGS = ShardedQuery(sql.read("queries/list_store_backlogs.sql"))
_NOW = sql.load("queries/count_pollers.sql", lock=presence.LOCK)
# Behind a transaction pooler no session shows a poller, but its leases do.
_SENDING = Statement("""
    SELECT count(DISTINCT leased_by) AS pollers FROM updates
     WHERE state = 'sending' AND leased_until > now()
""")


def deliveries(row: Row | None) -> DeliveriesView:
    """The sums of a row. None means that there were no deliveries."""
    if row is None or row["first_try"] is None:
        return DeliveriesView(0, 0, 0, 0, None, None)
    return DeliveriesView(
        confirmed=row["first_try"] + row["after_retry"],
        first_try=row["first_try"],
        after_retry=row["after_retry"],
        failed=row["failed"],
        p50_seconds=_rounded(lag.quantile(row["lags"], 0.5)),
        p99_seconds=_rounded(lag.quantile(row["lags"], 0.99)),
    )


def _minutes(step: timedelta) -> int:
    return step // timedelta(minutes=1)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


@dataclass(frozen=True, slots=True)
class HealthSpan:
    """The span that figures are for."""

    hours: int
    step: timedelta
    """A multiple of five minutes."""


@dataclass(slots=True)
class _Sums:
    """The rows of sum_deliveries.sql by what they are of."""

    every: DeliveriesView = field(default_factory=lambda: deliveries(None))
    steps: dict[datetime, DeliveriesView] = field(default_factory=dict)
    stores: dict[int, DeliveriesView] = field(default_factory=dict)
    kinds: dict[str, DeliveriesView] = field(default_factory=dict)


async def health(reader: Reader, store_id: int | None, span: HealthSpan) -> HealthView:
    """The health of a store, or of all stores together (None)."""
    stores = None if store_id is None else [store_id]
    (now,), (sending,) = await _NOW.fetch(reader), await _SENDING.fetch(reader)
    since = lag.floor(now["at"], span.step) + span.step - timedelta(hours=span.hours)
    until = max(lag.floor(now["at"] - lag.SETTLING), since)
    sums = await _sums(reader, stores, since, span.step)
    backlogs = await _backlogs(reader, stores)
    listed = sorted(backlogs, key=_trouble, reverse=True)[:MOST_STORES]
    described = await store_health(reader, [row["store_id"] for row in listed])
    return HealthView(
        since=since,
        until=until,
        step_minutes=_minutes(span.step),
        deliveries=sums.every,
        kinds=tuple(KindDeliveriesView(kind, sums.kinds[kind]) for kind in sorted(sums.kinds)),
        series=_series(sums.steps, since, now["at"], span.step),
        backlog=_together(backlogs),
        stores=tuple(
            replace(
                described[row["store_id"]],
                deliveries=sums.stores.get(row["store_id"], deliveries(None)),
                backlog=BacklogView(row["waiting"], row["oldest_at"], row["failed"]),
            )
            for row in listed
            if row["store_id"] in described
        ),
        more_stores=len(backlogs) > len(listed),
        pollers=max(now["pollers"], sending["pollers"]),
    )


async def _sums(
    reader: Reader, stores: Sequence[int] | None, since: datetime, step: timedelta
) -> _Sums:
    levels = [level for level in lag.STEPS if not step % level]
    values = {
        "since": since,
        "step": _minutes(step),
        "minutes": _minutes(max(levels, default=step)),
    }
    found = _Sums()
    for row in await _SUMS[not levels].fetch(reader, stores, values):
        view = deliveries(row)
        if row["at"] is not None:
            found.steps[row["at"]] = view
        elif row["store_id"] is not None:
            found.stores[row["store_id"]] = view
        elif row["kind"] is not None:
            found.kinds[row["kind"]] = view
        else:
            found.every = view
    return found


async def _backlogs(reader: Reader, stores: Sequence[int] | None) -> Sequence[Row]:
    values = {
        "most": MOST_COUNTED,
        "kinds": sorted(Kind),
        "blocked": sorted(BLOCKED),
        "failures": BREAK_AFTER,
    }
    return await _BACKLOGS.fetch(reader, stores, values)


def _trouble(row: Row) -> tuple[int, ...]:
    return row["blocked"], row["paused"], row["failed"], row["waiting"], -row["store_id"]


def _together(rows: Sequence[Row]) -> BacklogView:
    oldest = [row["oldest_at"] for row in rows if row["oldest_at"] is not None]
    return BacklogView(
        waiting=sum(row["waiting"] for row in rows),
        oldest_at=min(oldest, default=None),
        failed=sum(row["failed"] for row in rows),
    )


def _series(
    steps: Mapping[datetime, DeliveriesView], since: datetime, until: datetime, step: timedelta
) -> tuple[DeliveryPointView, ...]:
    """Every step, also those without a delivery."""
    starts = (since + number * step for number in range((until - since) // step + 1))
    return tuple(DeliveryPointView(at, steps.get(at, deliveries(None))) for at in starts)
