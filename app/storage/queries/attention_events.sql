-- The refused Commerce events of a cause g, the first received first.
SELECT e.received_at AS key, e.id, e.order_id, o.purchase_order_id AS number,
       e.received_at AS since,
       CASE WHEN e.about = 'shipment' AND o.fulfillment_status IN ('open', 'partially_shipped')
            THEN o.ship_by END AS deadline,
       e.updated_at AS changed_at, e.message
  FROM commerce_events e
  LEFT JOIN LATERAL (SELECT o.* FROM orders o
                      WHERE o.store_id = <g.store_id> AND o.id = e.order_id LIMIT 1) o ON true
 WHERE e.store_id = <g.store_id> AND e.state = 'refused' AND e.about = g.operation
   AND {{code}} = g.code AND {{value}} = g.value
   AND (e.received_at, e.id) > (:after::timestamptz, :after_id::uuid)
 ORDER BY e.store_id, e.about, {{code}}, {{value}}, e.received_at, e.id LIMIT {{limit}}
