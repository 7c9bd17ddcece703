-- Inserts the cancellations of accepted orders.
canceled AS (
  INSERT INTO cancellations (store_id, id, order_id, update_id, reason, comment, inventory, items,
                             created_at)
  SELECT <a.store_id>, c.id, a.order_id, c.update_id, c.reason, c.comment, c.inventory, c.items,
         a.at
    FROM accepted a
    JOIN jsonb_to_recordset(:cancellations::jsonb)
           AS c(n int, id uuid, update_id uuid, reason text, comment text, inventory jsonb,
                items jsonb) USING (n))
