-- Write why returns could not be read; the first error and everything that was known before stay.
INSERT INTO returns AS r (store_id, id, return_order_id, customer_order_id, lines, refunded,
                          import_error, updated_at)
SELECT :store_id, v.id, v.return_order_id, '', '[]', false, v.import_error, now()
  FROM jsonb_to_recordset(:rows::jsonb) AS v(id uuid, return_order_id text, import_error jsonb)
 ORDER BY v.return_order_id
    ON CONFLICT (store_id, return_order_id) DO UPDATE
   SET import_error = excluded.import_error, updated_at = excluded.updated_at
 WHERE r.import_error IS NULL
RETURNING r.id
