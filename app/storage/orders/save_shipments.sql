-- Saves the items of shipments. The first confirmed unit starts the time for tracking corrections.
UPDATE shipments t
   SET items = v.items,
       first_confirmed_at = coalesce(t.first_confirmed_at, CASE WHEN
         jsonb_path_exists(v.items, '$[*] ? (@.confirmed > 0)') THEN v.at END)
  FROM (SELECT r.*, now() AS at FROM jsonb_to_recordset(:shipments::jsonb)
            AS r(store_id int, update_id uuid, items jsonb)) v
 WHERE t.store_id = v.store_id AND t.update_id = v.update_id AND <t> AND <v>
