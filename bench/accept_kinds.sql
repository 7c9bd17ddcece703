-- Orders for one kind of request each, and a return for each order to refund.
CREATE TABLE IF NOT EXISTS kinds (n bigint PRIMARY KEY, kind text, id uuid, request uuid);

CREATE OR REPLACE FUNCTION kind_id(store int) RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT (left(uuidv7()::text, 28) || lpad(to_hex(store), 8, '0'))::uuid
$$;

CREATE OR REPLACE FUNCTION kind_orders(store int, wanted text, first bigint, last bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  done int := CASE WHEN wanted = 'refund' THEN 3 ELSE 0 END;
BEGIN
  INSERT INTO kinds SELECT g, wanted, kind_id(store), kind_id(store) FROM generate_series(first, last) g;
  INSERT INTO orders (store_id, id, purchase_order_id, commerce_order_id, ordered_at, last_synced_at,
                      status, fulfillment_status)
    SELECT store, id, 'K' || n, n, now(), now(), CASE done WHEN 0 THEN 'open' ELSE 'shipped' END,
           CASE done WHEN 0 THEN 'open' ELSE 'shipped' END
      FROM kinds WHERE n BETWEEN first AND last;
  INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered, shipped,
                           commerce_item_id)
    SELECT store, id, line::text, line, 'SKU-' || line, 3, done, n * 10 + line
      FROM kinds, generate_series(1, 2) line WHERE n BETWEEN first AND last;
  INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, state, finished_at)
    SELECT store, kind_id(store), 'K' || n, id, 'acknowledgement', 1, 'confirmed', now()
      FROM kinds WHERE n BETWEEN first AND last;
  IF wanted = 'refund' THEN
    INSERT INTO returns (store_id, id, return_order_id, customer_order_id, purchase_order_id, order_id,
                         requested_at, lines, refunded)
      SELECT store, request, 'R' || n, 'C' || n, 'K' || n, id, now(),
             jsonb_build_array(jsonb_build_object('number', 1, 'line_number', '1', 'sku', 'SKU-1',
                                                  'quantity', 2, 'refunded', 0)), false
        FROM kinds WHERE n BETWEEN first AND last;
  END IF;
END $$;
