-- The orders of a store that Walmart lists and that could not be read.
SELECT i.first_at AS key, md5(i.purchase_order_id)::uuid AS id, NULL::uuid AS order_id,
       i.purchase_order_id AS number, i.first_at AS since, NULL::timestamptz AS deadline,
       i.first_at AS changed_at, i.reason AS message
  FROM import_retries i
 WHERE i.store_id = <g.store_id> AND i.tries > 0
   AND (i.first_at, md5(i.purchase_order_id)::uuid) > (:after::timestamptz, :after_id::uuid)
 ORDER BY i.first_at, md5(i.purchase_order_id)::uuid LIMIT {{limit}}
