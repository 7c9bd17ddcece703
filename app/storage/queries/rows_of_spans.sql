-- The sums of five minutes, with what is not final yet.
SELECT store_id, starts_at, kind, first_try, after_retry, failed, lags FROM delivery_rollups
 UNION ALL
SELECT store_id, starts_at, kind, first_try, after_retry, failed, lags
  FROM delivery_rollup_steps WHERE minutes = 0
