-- Delete these orders with all that belongs to them, except where something is not at rest.

-- A return of several orders goes with the last of them. A stock level stays, without its order: it
-- decides whether a later value is newer.
WITH wanted AS MATERIALIZED (
  SELECT o.id, o.purchase_order_id FROM orders o
   WHERE o.store_id = :store_id AND o.id = ANY(:ids::uuid[])),
of_them AS MATERIALIZED (
  SELECT w.id AS order_id, r.id, {{over}} AS over
    FROM wanted w
    JOIN returns r ON r.store_id = :store_id AND r.purchase_order_id = w.purchase_order_id
   UNION ALL
  SELECT w.id, r.id, {{over}}
    FROM wanted w
    JOIN return_orders f ON f.store_id = :store_id AND f.purchase_order_id = w.purchase_order_id
    JOIN returns r ON r.store_id = :store_id AND r.id = f.return_id),
old AS MATERIALIZED (
  SELECT w.id FROM wanted w
   -- mutation: order-with-update-stays
   WHERE NOT EXISTS (SELECT FROM updates u
          WHERE u.store_id = :store_id AND u.order_id = w.id
            AND (u.state NOT IN ('confirmed', 'dismissed') OR u.in_doubt_until IS NOT NULL))
     AND NOT EXISTS (SELECT FROM order_lines l
          WHERE l.store_id = :store_id AND l.order_id = w.id AND l.pending > 0)
     -- mutation: order-with-return-stays
     AND NOT EXISTS (SELECT FROM of_them r WHERE r.order_id = w.id AND NOT r.over)),
lonely AS MATERIALIZED (
  SELECT DISTINCT r.id FROM of_them r JOIN old ON old.id = r.order_id
   WHERE NOT EXISTS (SELECT FROM returns x
           JOIN orders o ON o.store_id = :store_id AND o.purchase_order_id = x.purchase_order_id
          WHERE x.store_id = :store_id AND x.id = r.id AND o.id NOT IN (SELECT id FROM old))
     AND NOT EXISTS (SELECT FROM return_orders f
           JOIN orders o ON o.store_id = :store_id AND o.purchase_order_id = f.purchase_order_id
          WHERE f.store_id = :store_id AND f.return_id = r.id
            AND o.id NOT IN (SELECT id FROM old))),
levels AS (
  UPDATE updates SET order_id = NULL
   WHERE store_id = :store_id AND order_id IN (SELECT id FROM old) AND kind = 'inventory'),
old_levels AS (
  UPDATE archived_updates SET order_id = NULL
   WHERE store_id = :store_id AND order_id IN (SELECT id FROM old) AND kind = 'inventory'),
a AS (DELETE FROM attempts
       WHERE store_id = :store_id AND order_id IN (SELECT id FROM old)),
s AS (DELETE FROM shipments
       WHERE store_id = :store_id AND order_id IN (SELECT id FROM old)),
c AS (DELETE FROM cancellations
       WHERE store_id = :store_id AND order_id IN (SELECT id FROM old)),
f AS (DELETE FROM refunds
       WHERE store_id = :store_id AND (order_id IN (SELECT id FROM old)
                                       OR return_id IN (SELECT id FROM lonely))),
t AS (DELETE FROM return_orders
       WHERE store_id = :store_id AND return_id IN (SELECT id FROM lonely)),
r AS (DELETE FROM returns
       WHERE store_id = :store_id AND id IN (SELECT id FROM lonely)),
u AS (DELETE FROM updates
       WHERE store_id = :store_id AND order_id IN (SELECT id FROM old) AND kind <> 'inventory'),
v AS (DELETE FROM archived_updates
       WHERE store_id = :store_id AND order_id IN (SELECT id FROM old) AND kind <> 'inventory'),
k AS (DELETE FROM commerce_events
       WHERE store_id = :store_id AND order_id IN (SELECT id FROM old)),
e AS (DELETE FROM events
       WHERE store_id = :store_id AND order_id IN (SELECT id FROM old)),
l AS (DELETE FROM order_lines
       WHERE store_id = :store_id AND order_id IN (SELECT id FROM old))
DELETE FROM orders WHERE store_id = :store_id AND id IN (SELECT id FROM old)
