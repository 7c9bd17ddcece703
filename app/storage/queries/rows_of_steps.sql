-- The sums of one length of step, with what is not final yet.
SELECT store_id, starts_at, kind, first_try, after_retry, failed, lags
  FROM delivery_rollup_steps WHERE minutes IN (:minutes, 0)
