-- Finished orders of the stores 1 to 50, with all rows that belong to them. Run with
-- session_replication_role = replica; the counts are made at the end.
CREATE OR REPLACE FUNCTION bench_grow(first bigint, last bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE grown ON COMMIT DROP AS
    SELECT n, 1 + (n % 50)::int AS store_id, 'G' || n AS po,
           bench_grown_id(n, 'o') AS order_id, bench_grown_id(n, 'a') AS ack_id,
           bench_grown_id(n, 's') AS update_id,
           timestamptz '2025-01-01Z' + make_interval(secs => n) AS at,
           CASE WHEN n / 50 % 50 = 7 THEN 'error' WHEN n / 50 % 20 = 3 THEN 'canceled'
                ELSE 'shipped' END
             AS status
      FROM generate_series(first, last) n;
  -- Every hundredth is not in Commerce yet.
  INSERT INTO orders (store_id, id, purchase_order_id, customer_order_id, commerce_order_number,
                      status, fulfillment_status, ordered_at, ship_by, last_synced_at, created_at,
                      updated_at)
    SELECT store_id, order_id, po, 'C' || n, CASE WHEN n / 50 % 100 <> 3 THEN 'M' || n END, status,
           CASE status WHEN 'error' THEN 'open' ELSE status END, at, at + interval '2 days', at,
           at, at + interval '1 minute' FROM grown;
  INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered, shipped)
    SELECT store_id, order_id, '1', 1, 'SKU-' || n % 5000, 1, 1 FROM grown;
  INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, state, created_at,
                       finished_at)
    SELECT store_id, ack_id, po, order_id, 'acknowledgement', 1, 'confirmed', at, at FROM grown;
  INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, state, payload, last_error,
                       created_at, finished_at)
    SELECT store_id, update_id, po, order_id, 'shipment', 2,
           CASE status WHEN 'error' THEN 'failed' ELSE 'confirmed' END,
           jsonb_build_object('carrier', jsonb_build_object('carrier', 'UPS'),
             'tracking_number', '1Z' || po, 'tracking_url', null, 'shipped_at', at,
             'method_code', 'Standard', 'override_cancel_request', false),
           CASE status WHEN 'error' THEN jsonb_build_object(
             'code', CASE store_id WHEN 9 THEN 'needs_review' ELSE 'walmart_rejected' END,
             'message', 'No.', 'origin', 'walmart', 'field', null, 'suggestion', null,
             'retryable', true, 'occurred_at', null) END,
           at + interval '1 second', at + interval '2 seconds' FROM grown;
  INSERT INTO shipments (store_id, id, order_id, update_id, carrier_code, tracking_number,
                         tracking_key, shipped_at, method_code, fingerprint,
                         override_cancel_request, walmart_carrier, items)
    SELECT store_id, update_id, order_id, update_id, 'ups', '1Z' || po, '1Z' || po, at,
           'Standard', decode(repeat('00', 32), 'hex'), false, '{"carrier": "UPS"}',
           '[{"line_number": "1", "quantity": 1, "confirmed": 1, "reserved": 0}]' FROM grown;
  INSERT INTO attempts (store_id, id, update_id, order_id, number, poller, started_at, ended_at,
                        verdict)
    SELECT store_id, update_id, update_id, order_id, 1, 'poller-1', at, at, 'confirmed' FROM grown;
  INSERT INTO returns (store_id, id, return_order_id, customer_order_id, purchase_order_id, order_id,
                       requested_at, lines, refunded)
    SELECT store_id, order_id, po, 'C' || n, po, order_id, at, '[]', n / 50 % 20 <> 0 FROM grown
     WHERE n / 50 % 10 = 0;
  DROP TABLE grown;
END $$;

-- An id in the layout of app/domain/ids.py: time first, the store last.
CREATE OR REPLACE FUNCTION bench_grown_id(n bigint, kind text) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$
  SELECT (lpad(to_hex(1735689600000 + n * 1000), 12, '0') || '70008' || left(md5(kind || n), 7)
          || lpad(to_hex(1 + n % 50), 8, '0'))::uuid
$$;
