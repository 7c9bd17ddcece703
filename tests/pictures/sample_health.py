"""A day of deliveries for the pictures of sync health, with an hour in which Walmart had problems."""

import math
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.domain.outbox import lag
from app.storage.postgres.database import Database

_SPANS = 288
# Updates of five minutes by hour of the day, and where the problems are, in spans from the end.
_QUIET, _BUSY = 5, 16
_OUTAGE = range(158, 175)
_INSERT = sa.text("""
    INSERT INTO delivery_rollups SELECT :store_id, :at, :kind, :first_try, :after_retry, :failed, :lags
    ON CONFLICT DO NOTHING
""")
_STEPS = sa.text(
    """
    INSERT INTO delivery_rollup_steps
    SELECT store_id, m, date_bin(make_interval(mins => m), starts_at, 'epoch'), kind,
           sum(first_try), sum(after_retry), sum(failed), ARRAY[{lags}]
      FROM delivery_rollups CROSS JOIN unnest(ARRAY[30, 120, 1440]) AS m
     GROUP BY 1, 2, 3, 4
""".format(lags=", ".join(f"sum(lags[{n + 1}])" for n in range(lag.BUCKETS)))
)


async def fill_rollups(database: Database, store_id: int, until: datetime, *, share: float) -> None:
    """Write the sums of a day. share: of the updates of a large store."""
    rows = [_row(store_id, lag.floor(until) - n * lag.SPAN, n, share) for n in range(2, _SPANS)]
    insert = _INSERT.bindparams(
        sa.bindparam("lags", type_=sa.ARRAY(sa.Integer)),
        sa.bindparam("at", type_=sa.DateTime(timezone=True)),
        *(
            sa.bindparam(name, type_=sa.Integer)
            for name in ("store_id", "first_try", "after_retry", "failed")
        ),
    )
    async with database.begin() as connection:
        await connection.execute(insert, rows)


async def add_steps(database: Database) -> None:
    """Sum the spans up by longer steps, once for all stores."""
    async with database.begin() as connection:
        await connection.execute(_STEPS)


def _row(store_id: int, at: datetime, number: int, share: float) -> dict[str, object]:
    hour = (at - timedelta(hours=8)).hour + at.minute / 60
    day = max(0.0, math.sin((hour - 5) / 16 * math.pi))
    updates = round((_QUIET + (_BUSY - _QUIET) * day) * share + number % 3)
    bad = number in _OUTAGE
    retried = round(updates * 0.62) if bad else int(number % 17 == 0)
    failed = int(number in {160, 166, 40})
    lags = [0] * lag.BUCKETS
    lags[9 if bad else 3] = max(updates - 1, 0)
    lags[10 if bad else 5] = min(updates, 1)
    first = max(updates - retried - failed, 0)
    return {
        "store_id": store_id,
        "at": at,
        "kind": "shipment",
        "first_try": first,
        "after_retry": retried,
        "failed": failed,
        "lags": lags,
    }
