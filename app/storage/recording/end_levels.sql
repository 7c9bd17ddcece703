-- Dismiss the open updates of some stock levels.
UPDATE updates u
   SET state = 'dismissed', active = false, dismissed_by = 'waybill', note = :note,
       finished_at = now(), updated_at = now()
  FROM jsonb_to_recordset(:levels::jsonb) AS q(sku text, ship_node text)
 WHERE {{open}} AND u.payload->>'sku' = q.sku
   AND u.payload->>'ship_node' IS NOT DISTINCT FROM q.ship_node
RETURNING u.id, u.order_id, u.target, u.subject
