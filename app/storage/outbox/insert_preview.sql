-- Sum up the attempts of a store that no span has yet, if they are few.
WITH fresh AS MATERIALIZED (
  SELECT a.update_id, a.number, a.ended_at, a.verdict FROM attempts AS a
   WHERE a.store_id = :store_id AND a.id >= :next_id ORDER BY a.id LIMIT :most + 1)
INSERT INTO delivery_rollup_steps
       (store_id, minutes, starts_at, kind, first_try, after_retry, failed, lags)
SELECT CAST(:store_id AS int), 0, date_bin('5 minutes', d.ended_at, 'epoch'::timestamptz),
       d.kind, {{sums}} FROM ({{judged}}) AS d
 WHERE (SELECT count(*) FROM fresh) <= :most
 GROUP BY 3, d.kind
HAVING bool_or(d.landed OR d.failed)
