-- Count attempts by kind, verdict and bucket of the lag since acceptance, for ids in a range.
SELECT d.kind, d.verdict, width_bucket(d.lag, :bounds::float8[]) AS bucket,
       count(*) AS deliveries, sum(d.lag) AS seconds
  FROM (SELECT u.kind, a.verdict,
               greatest(extract(epoch FROM a.ended_at - u.created_at), 0)::float8 AS lag
          FROM stores AS s
          JOIN attempts AS a ON a.store_id = s.store_id
          JOIN updates AS u ON u.store_id = a.store_id AND u.id = a.update_id
         WHERE a.id >= :since AND a.id < :until) AS d
 GROUP BY d.kind, d.verdict, bucket
