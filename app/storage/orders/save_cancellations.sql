-- Saves the items of cancellations.
UPDATE cancellations t SET items = v.items
  FROM jsonb_to_recordset(:cancellations::jsonb) AS v(store_id int, update_id uuid, items jsonb)
 WHERE t.store_id = v.store_id AND t.update_id = v.update_id AND <t> AND <v>
