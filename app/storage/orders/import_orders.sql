-- Inserts orders from a list of Walmart's, with their lines, acknowledgements and timelines.
-- Orders that the store has are left out. The sequence prevents a deadlock with another such import.
WITH given AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(:orders::jsonb) AS v(id uuid, purchase_order_id text,
         customer_order_id text, ordered_at timestamptz, ship_by timestamptz,
         deliver_by timestamptz, ship_method text, fulfilled_by text, import_error jsonb,
         acknowledgement uuid, event uuid)),
added AS (
  INSERT INTO orders (store_id, id, purchase_order_id, customer_order_id, ordered_at, ship_by,
                      deliver_by, ship_method, fulfilled_by, import_error, status)
  SELECT :store_id::int, id, purchase_order_id, customer_order_id, ordered_at, ship_by, deliver_by,
         ship_method, fulfilled_by, import_error,
         CASE WHEN import_error IS NULL THEN 'open' ELSE 'error' END
    FROM given ORDER BY purchase_order_id
      ON CONFLICT (store_id, purchase_order_id) DO NOTHING
  RETURNING id),
lines AS (
  INSERT INTO order_lines (store_id, order_id, line_number, position, sku, name, unit_price,
                           currency, other_charges, ordered, shipped, canceled, refunded)
  SELECT :store_id::int, v.order_id, v.line_number, v.position, v.sku, v.name, v.unit_price,
         v.currency, v.other_charges, v.ordered, v.shipped, v.canceled, v.refunded
    FROM jsonb_to_recordset(:lines::jsonb) AS v(order_id uuid, line_number text, position int,
         sku text, name text, unit_price numeric, currency text, other_charges numeric,
         ordered int, shipped int, canceled int, refunded int)
    JOIN added ON added.id = v.order_id),
queued AS (
  INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, active, requested_by,
                       request_id, traceparent)
  SELECT :store_id::int, g.acknowledgement, g.purchase_order_id, g.id, 'acknowledgement', 1, true,
         :actor::text, :request_id::text, :traceparent::text
    FROM given g JOIN added ON added.id = g.id WHERE g.acknowledgement IS NOT NULL),
recorded AS (
  INSERT INTO events (store_id, id, order_id, what, actor)
  SELECT :store_id::int, g.event, g.id, 'order_imported', :actor::text
    FROM given g JOIN added ON added.id = g.id)
SELECT id FROM added
