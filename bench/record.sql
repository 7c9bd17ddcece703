-- What a delivered shipment leaves behind, for the rows in :deliveries: evidence, units, statuses.

-- One statement for all rows of a batch; each part finds its rows by their keys.
WITH v AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS v(store_id int, id uuid, update_id uuid,
         order_id uuid, started_at timestamptz, ended_at timestamptz, calls jsonb)),
tried AS (
  INSERT INTO attempts (store_id, id, update_id, order_id, number, poller, started_at, ended_at,
                        verdict, calls)
  SELECT store_id, id, update_id, order_id, 1, 'peer', started_at, ended_at, 'confirmed', calls
    FROM v),
shipped AS (
  UPDATE order_lines l SET pending = l.pending - 1, shipped = l.shipped + 1
    FROM v WHERE l.store_id = v.store_id AND l.order_id = v.order_id AND l.line_number = '1'),
known AS (
  UPDATE shipments s
     SET items = '[{"line_number": "1", "quantity": 1, "confirmed": 1, "reserved": 0}]',
         first_confirmed_at = now()
    FROM v WHERE s.store_id = v.store_id AND s.update_id = v.update_id)
UPDATE orders o
   SET fulfillment_status = 'shipped', status = 'shipped', updated_at = now(),
       last_synced_at = v.ended_at
  FROM v WHERE o.store_id = v.store_id AND o.id = v.order_id
