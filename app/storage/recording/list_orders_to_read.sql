-- List orders that are not final and were not read since the recovery began, by id.
SELECT o.id FROM orders o
 WHERE o.store_id = :store_id AND (o.id > :after::uuid OR :after IS NULL)
   AND o.created_at < :began AND (o.last_synced_at IS NULL OR o.last_synced_at < :began)
   AND (o.fulfillment_status IN ('open', 'partially_shipped')
        OR EXISTS (SELECT FROM updates u WHERE u.store_id = :store_id AND u.order_id = o.id
                      AND (u.state IN ('pending', 'retrying', 'verifying', 'sending', 'failed')
                           OR u.in_doubt_until IS NOT NULL)))
 ORDER BY o.id LIMIT :batch
