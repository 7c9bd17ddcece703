-- The returns of a store that could not be read the last time.
SELECT r.created_at AS key, r.id, NULL::uuid AS order_id, r.return_order_id AS number,
       r.created_at AS since, NULL::timestamptz AS deadline, r.updated_at AS changed_at,
       r.import_error ->> 'message' AS message
  FROM returns r
 WHERE r.store_id = <g.store_id> AND r.import_error IS NOT NULL AND NOT r.refunded
   AND (r.created_at, r.id) > (:after::timestamptz, :after_id::uuid)
 ORDER BY r.created_at, r.id LIMIT {{limit}}
