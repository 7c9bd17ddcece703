-- Orders of a store with one waiting shipment each; wanted: the number of orders for each store.
CREATE OR REPLACE FUNCTION bench_due(store int, wanted int, prefix text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE due ON COMMIT DROP AS
    SELECT g AS n, prefix || store || '-' || g AS po,
           (left(uuidv7()::text, 28) || lpad(to_hex(store), 8, '0'))::uuid AS order_id,
           (left(uuidv7()::text, 28) || lpad(to_hex(store), 8, '0'))::uuid AS ack_id,
           (left(uuidv7()::text, 28) || lpad(to_hex(store), 8, '0'))::uuid AS update_id,
           (left(uuidv7()::text, 28) || lpad(to_hex(store), 8, '0'))::uuid AS shipment_id
      FROM generate_series(1, wanted) g;
  INSERT INTO orders (store_id, id, purchase_order_id, ordered_at, last_synced_at)
    SELECT store, order_id, po, now(), now() FROM due;
  INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered, pending)
    SELECT store, order_id, '1', 1, 'SKU-1', 1, 1 FROM due;
  INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, state, finished_at)
    SELECT store, ack_id, po, order_id, 'acknowledgement', 1, 'confirmed', now() FROM due;
  INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, payload, requested_by,
                       active, urgent)
    SELECT store, update_id, po, order_id, 'shipment', 2,
           jsonb_build_object('carrier', jsonb_build_object('carrier', 'UPS'),
             'tracking_number', '1ZBENCH' || po, 'tracking_url', null, 'shipped_at', now(),
             'method_code', 'Standard', 'override_cancel_request', false),
           'bench', true, false FROM due;
  INSERT INTO shipments (store_id, id, order_id, update_id, carrier_code, tracking_number,
                         tracking_key, shipped_at, method_code, fingerprint,
                         override_cancel_request, walmart_carrier, items)
    SELECT store, shipment_id, order_id, update_id, 'ups', '1ZBENCH' || po, '1ZBENCH' || po,
           now(), 'Standard', decode(repeat('00', 32), 'hex'), false, '{"carrier": "UPS"}',
           '[{"line_number": "1", "quantity": 1, "confirmed": 0, "reserved": 1}]' FROM due;
  DROP TABLE due;
END $$;

-- Unshipped orders of a store; returns each with its number at Walmart.
CREATE OR REPLACE FUNCTION bench_open(store int, wanted int, prefix text)
RETURNS TABLE (order_id uuid, po text) LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE opened ON COMMIT DROP AS
    SELECT prefix || store || '-' || g AS number,
           (left(uuidv7()::text, 28) || lpad(to_hex(store), 8, '0'))::uuid AS id,
           (left(uuidv7()::text, 28) || lpad(to_hex(store), 8, '0'))::uuid AS ack_id
      FROM generate_series(1, wanted) g;
  INSERT INTO orders (store_id, id, purchase_order_id, ordered_at, last_synced_at)
    SELECT store, id, number, now(), now() FROM opened;
  INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered)
    SELECT store, id, '1', 1, 'SKU-1', 1 FROM opened;
  INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, state, finished_at)
    SELECT store, ack_id, number, id, 'acknowledgement', 1, 'confirmed', now() FROM opened;
  RETURN QUERY SELECT id, number FROM opened;
  DROP TABLE opened;
END $$;
