-- Sum up the attempts of a store with ids in a range, by kind, and add them to longer steps.
WITH counted AS (
INSERT INTO delivery_rollups (store_id, starts_at, kind, first_try, after_retry, failed, lags)
SELECT CAST(:store_id AS int), :starts_at, d.kind, {{sums}} FROM ({{judged}}) AS d
 GROUP BY d.kind
HAVING bool_or(d.landed OR d.failed)
RETURNING starts_at, kind, first_try, after_retry, failed, lags)
INSERT INTO delivery_rollup_steps AS s
       (store_id, minutes, starts_at, kind, first_try, after_retry, failed, lags)
SELECT CAST(:store_id AS int), step.minutes,
       date_bin(make_interval(mins => step.minutes), c.starts_at, 'epoch'::timestamptz),
       c.kind, c.first_try, c.after_retry, c.failed, c.lags
  FROM counted AS c CROSS JOIN unnest(:steps::int[]) AS step (minutes)
    ON CONFLICT (store_id, minutes, starts_at, kind) DO UPDATE
   SET first_try = s.first_try + excluded.first_try,
       after_retry = s.after_retry + excluded.after_retry,
       failed = s.failed + excluded.failed,
       lags = ARRAY(SELECT one + other FROM unnest(s.lags, excluded.lags) AS l (one, other))
