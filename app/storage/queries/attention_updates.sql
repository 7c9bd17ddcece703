-- The failed updates of a cause g, the first accepted first.
SELECT u.created_at AS key, u.id, u.order_id, u.subject AS number, u.created_at AS since,
       -- OFFSET 0: otherwise PostgreSQL reads all unshipped orders of the store for one order.
       (SELECT o.ship_by FROM (
         SELECT o.ship_by, o.fulfillment_status FROM orders o
          WHERE o.store_id = <g.store_id> AND o.id = u.order_id AND u.kind = 'shipment' OFFSET 0) o
         WHERE o.fulfillment_status IN ('open', 'partially_shipped')) AS deadline,
       u.updated_at AS changed_at, u.last_error ->> 'message' AS message
  FROM updates u
 WHERE u.store_id = <g.store_id> AND u.state = 'failed' AND u.kind = g.operation
   AND {{code}} = g.code AND {{value}} = g.value AND {{expected}} = g.expected
   AND (u.created_at, u.id) > (:after::timestamptz, :after_id::uuid)
 ORDER BY u.store_id, u.kind, {{code}}, {{value}}, {{expected}}, u.created_at, u.id LIMIT {{limit}}
