-- Accepting a shipment as one function on the server, and the orders for it.
CREATE TABLE IF NOT EXISTS bench_numbers (n bigint PRIMARY KEY, store_id int, order_id uuid);
CREATE SEQUENCE IF NOT EXISTS bench_next;

-- An id in the layout of app/domain/ids.py.
CREATE OR REPLACE FUNCTION bench_id(store int) RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT (left(uuidv7()::text, 28) || lpad(to_hex(store), 8, '0'))::uuid
$$;

CREATE OR REPLACE FUNCTION bench_orders(store int, wanted int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO bench_numbers SELECT g, store, bench_id(store) FROM generate_series(1, wanted) g;
  INSERT INTO orders (store_id, id, purchase_order_id, ordered_at, last_synced_at)
    SELECT store, order_id, 'B' || n, now(), now() FROM bench_numbers;
  INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered)
    SELECT store, order_id, line::text, line, 'SKU-' || line, 3
      FROM bench_numbers, generate_series(1, 2) line;
  INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, state, finished_at)
    SELECT store, bench_id(store), 'B' || n, order_id, 'acknowledgement', 1, 'confirmed', now()
      FROM bench_numbers;
END $$;

CREATE OR REPLACE FUNCTION bench_ship(which bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  target bench_numbers;
  purchase text;
  warned timestamptz;
  room int;
  following int;
  update_id uuid;
  shipment_id uuid;
  shipment_number bigint;
BEGIN
  SELECT * INTO target FROM bench_numbers WHERE n = which;
  IF NOT pg_try_advisory_xact_lock(which) THEN RAISE 'in progress'; END IF;
  PERFORM FROM idempotency_keys WHERE store_id = target.store_id AND api_key = 'admin'
     AND method = 'POST' AND path = '/v1/orders/' || target.order_id || '/shipments'
     AND key = target.order_id::text;
  SELECT purchase_order_id, ship_by_warned_at INTO purchase, warned FROM orders
   WHERE store_id = target.store_id AND id = target.order_id FOR UPDATE;
  SELECT min(ordered - pending - shipped - canceled) INTO room FROM order_lines
   WHERE store_id = target.store_id AND order_id = target.order_id;
  SELECT max(sequence) + 1 INTO following FROM updates
   WHERE store_id = target.store_id AND order_id = target.order_id;
  PERFORM carriers FROM stores WHERE store_id = target.store_id;
  IF room < 1 THEN RAISE 'no room'; END IF;
  update_id := bench_id(target.store_id);
  shipment_id := bench_id(target.store_id);
  INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, payload, requested_by,
                       active, urgent)
    VALUES (target.store_id, update_id, purchase, target.order_id, 'shipment', following,
            jsonb_build_object('carrier', jsonb_build_object('carrier', 'UPS'),
              'tracking_number', '1ZBENCH' || which, 'tracking_url', null,
              'shipped_at', now(), 'method_code', 'Standard', 'override_cancel_request', false),
            'bench', true, warned IS NOT NULL);
  INSERT INTO shipments (store_id, id, order_id, update_id, carrier_code, tracking_number,
                         tracking_key, shipped_at, method_code, fingerprint,
                         override_cancel_request, walmart_carrier, items)
    VALUES (target.store_id, shipment_id, target.order_id, update_id, 'ups', '1ZBENCH' || which,
            '1ZBENCH' || which, now(), 'Standard', decode(repeat('00', 32), 'hex'), false,
            '{"carrier": "UPS"}',
            '[{"line_number": "1", "quantity": 1, "confirmed": 0, "reserved": 1}]')
    RETURNING number INTO shipment_number;
  UPDATE order_lines SET pending = pending + 1
   WHERE store_id = target.store_id AND order_id = target.order_id AND line_number = '1';
  UPDATE orders SET updated_at = now() WHERE store_id = target.store_id AND id = target.order_id;
  INSERT INTO idempotency_keys (store_id, api_key, method, path, key, fingerprint, status, body)
    VALUES (target.store_id, 'admin', 'POST', '/v1/orders/' || target.order_id || '/shipments',
            target.order_id::text, decode(repeat('00', 32), 'hex'), 202,
            convert_to(repeat('x', 900), 'UTF8'));
  RETURN shipment_number;
END $$;
