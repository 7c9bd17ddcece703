-- Inserts the refunds of accepted orders, numbered by their sequence.
refunded AS (
  INSERT INTO refunds (store_id, id, return_id, order_id, update_id, comment, reference, items,
                       created_at)
  SELECT <a.store_id>, f.id, f.return_id, a.order_id, f.update_id, f.comment, f.reference, f.items,
         a.at
    FROM accepted a
    JOIN jsonb_to_recordset(:refunds::jsonb)
           AS f(n int, id uuid, return_id uuid, update_id uuid, comment text, reference text,
                items jsonb) USING (n))
