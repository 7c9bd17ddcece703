-- Lists the shipments of an order with their earlier tracking numbers, the oldest first.
SELECT s.id, s.update_id, s.reference, s.tracking_number, s.items, s.commerce_items,
       ARRAY(SELECT e.detail->'old'->>'tracking_number' FROM events e
              WHERE e.store_id = s.store_id AND e.order_id = s.order_id
                AND e.what = 'tracking_corrected'
                AND e.detail->>'shipment_id' = s.id::text) AS former
  FROM shipments s WHERE s.store_id = :store_id AND s.order_id = :order_id
 ORDER BY s.number
