-- Takes the order that the transaction has locked.
accepted AS (
  UPDATE orders o SET updated_at = now()
   WHERE o.store_id = :store_id AND o.id = :order_id
  RETURNING 0 AS n, :at::timestamptz AS at, o.store_id, o.id AS order_id,
            o.ship_by_warned_at IS NOT NULL AS urgent)
