-- Insert returns, or update those that Walmart shows differently now; sorted against deadlocks.
INSERT INTO returns AS r (store_id, id, return_order_id, customer_order_id, purchase_order_id,
                          order_id, requested_at, return_by, arrived_at, amount, currency,
                          lines, return_type, refunded, closed, updated_at)
SELECT :store_id, v.id, v.return_order_id, v.customer_order_id, v.purchase_order_id, v.order_id,
       v.requested_at, v.return_by, v.arrived_at, v.amount, v.currency, v.lines, v.return_type,
       v.refunded, v.closed, now()
  FROM jsonb_to_recordset(:rows::jsonb) AS v(id uuid, return_order_id text, customer_order_id text,
       purchase_order_id text, order_id uuid, requested_at timestamptz, return_by timestamptz,
       arrived_at timestamptz, amount numeric, currency text, lines jsonb, return_type text,
       refunded boolean, closed boolean)
 ORDER BY v.return_order_id
    ON CONFLICT (store_id, return_order_id) DO UPDATE
   SET customer_order_id = excluded.customer_order_id,
       purchase_order_id = excluded.purchase_order_id,
       order_id = coalesce(r.order_id, excluded.order_id),
       requested_at = excluded.requested_at, return_by = excluded.return_by,
       arrived_at = excluded.arrived_at, amount = excluded.amount, currency = excluded.currency,
       lines = excluded.lines, return_type = excluded.return_type,
       refunded = excluded.refunded, closed = excluded.closed, import_error = NULL,
       updated_at = excluded.updated_at
 WHERE r.import_error IS NOT NULL
    OR (r.customer_order_id, r.purchase_order_id, r.requested_at, r.return_by, r.arrived_at,
        r.amount, r.lines, r.return_type)
       IS DISTINCT FROM
       (excluded.customer_order_id, excluded.purchase_order_id, excluded.requested_at,
        excluded.return_by, excluded.arrived_at, excluded.amount, excluded.lines,
        excluded.return_type)
RETURNING r.id, r.return_order_id
