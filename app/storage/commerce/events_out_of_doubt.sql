-- The due events that were refused because of a doubt that has ended.

-- The doubt was of a refund of the same return line, or of anything else that holds units of the
-- order. Open events are few rows, by an index.
FROM commerce_events d
 WHERE d.state = 'refused' AND d.code IN ('refund_in_doubt', 'order_in_doubt')
   AND d.due_at <= now()
   AND NOT EXISTS (SELECT FROM updates u
                    WHERE u.store_id = d.store_id AND u.order_id = d.order_id
                      AND (u.kind = 'refund') = (d.code = 'refund_in_doubt')
                      AND u.kind IN ('refund', 'shipment', 'cancellation')
                      AND u.in_doubt_until IS NOT NULL)
