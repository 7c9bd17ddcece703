-- Sum up deliveries since a time by step, by store, by kind, and in all.

-- One read of the rolled-up rows; each row of the answer has one of at, store_id and kind, or none.
SELECT at, store_id, kind, sum(first_try)::bigint AS first_try,
       sum(after_retry)::bigint AS after_retry, sum(failed)::bigint AS failed,
       ARRAY[{{lags}}] AS lags
  FROM (SELECT date_bin(make_interval(mins => :step), starts_at, :since) AS at, r.*
          FROM ({{rows}}) AS r
         WHERE starts_at >= :since AND <r>) AS r
 GROUP BY GROUPING SETS ((at), (store_id), (kind), ())
