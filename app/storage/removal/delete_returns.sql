-- Delete these returns, except where a refund of one is not at rest.
WITH old AS MATERIALIZED (
  SELECT r.id FROM returns r
   WHERE r.store_id = :store_id AND r.id = ANY(:ids::uuid[])
     AND NOT EXISTS (SELECT FROM refunds f JOIN updates u
                         ON u.store_id = :store_id AND u.id = f.update_id
          WHERE f.store_id = :store_id AND f.return_id = r.id
            AND (u.state NOT IN ('confirmed', 'dismissed') OR u.in_doubt_until IS NOT NULL))),
f AS (DELETE FROM refunds
       WHERE store_id = :store_id AND return_id IN (SELECT id FROM old)),
t AS (DELETE FROM return_orders
       WHERE store_id = :store_id AND return_id IN (SELECT id FROM old))
DELETE FROM returns WHERE store_id = :store_id AND id IN (SELECT id FROM old)
