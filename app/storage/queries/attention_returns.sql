-- The returns of a store that have arrived and that no refund is on its way for.
SELECT r.arrived_at AS key, r.id,
       (SELECT o.id FROM orders o WHERE o.store_id = <g.store_id>
           AND o.purchase_order_id = r.purchase_order_id) AS order_id,
       r.return_order_id AS number, r.arrived_at AS since,
       r.arrived_at + make_interval(secs => :refund_within) AS deadline,
       r.updated_at AS changed_at, NULL::text AS message
  FROM returns r
 WHERE r.store_id = <g.store_id> AND r.arrived_at IS NOT NULL AND NOT r.refunded AND NOT r.closed
   AND r.import_error IS NULL
   AND (r.arrived_at, r.id) > (:after::timestamptz, :after_id::uuid)
   AND (SELECT true FROM refunds f
          JOIN updates u ON u.store_id = <g.store_id> AND u.id = f.update_id
         WHERE f.store_id = <g.store_id> AND f.return_id = r.id
           AND u.state IN ('pending', 'sending', 'retrying', 'verifying', 'failed')
         LIMIT 1) IS NOT TRUE
 ORDER BY r.store_id, r.arrived_at, r.id LIMIT {{limit}}
