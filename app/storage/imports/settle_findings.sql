-- Remove the findings of a cause about an order from those of a store's last reconciliation.
UPDATE reconciliations r SET findings = (
  SELECT coalesce(jsonb_agg(f.value ORDER BY f.place), '[]')
    FROM jsonb_array_elements(r.findings) WITH ORDINALITY AS f(value, place)
   WHERE f.value ->> 'cause' <> :cause OR f.value ->> 'number' <> :number)
 WHERE r.store_id = :store_id
