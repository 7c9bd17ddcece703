-- Makes the function that writes acceptances of one store's orders, on the server of their rows.
CREATE OR REPLACE FUNCTION {{name}}(of_store int, given jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $function$
DECLARE
  v record; r record;
  -- Each statement is of one table and names the store by a value: Citus plans it without a search.
  free bool; urgent bool;
  written int[] := '{}';
  running int[] := '{}';
BEGIN
  FOR v IN SELECT * FROM jsonb_to_recordset(given)
             AS g(n int, order_id uuid, version xid, lock bigint, at timestamptz, lines jsonb,
                  updates jsonb, shipments jsonb, cancellations jsonb, refunds jsonb,
                  responses jsonb)
  LOOP
    -- The lock of the key is tried in a statement of the order, thus on its server: behind a
    -- transaction pooler the function runs at the coordinator.
    SELECT v.lock IS NULL OR pg_try_advisory_xact_lock(v.lock) INTO free
      FROM orders o WHERE o.store_id = of_store AND o.id = v.order_id AND o.xmin = v.version
       FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      CONTINUE;
    END IF;
    IF NOT free THEN
      running := running || v.n;
      CONTINUE;
    END IF;
    UPDATE orders o SET updated_at = now() WHERE o.store_id = of_store AND o.id = v.order_id
    RETURNING o.ship_by_warned_at IS NOT NULL INTO urgent;
    FOR r IN SELECT * FROM jsonb_to_recordset(v.lines) AS l(line_number text, units int) LOOP
      UPDATE order_lines l SET pending = l.pending + r.units
       WHERE l.store_id = of_store AND l.order_id = v.order_id AND l.line_number = r.line_number;
    END LOOP;
    FOR r IN SELECT * FROM jsonb_to_recordset(v.updates)
               AS u(id uuid, target text, subject text, kind text, sequence int, payload jsonb,
                    requested_by text, request_id text, traceparent text, active bool)
    LOOP
      INSERT INTO updates (store_id, id, target, subject, order_id, kind, sequence, payload,
                           requested_by, request_id, traceparent, active, urgent, created_at,
                           updated_at, due_at)
      VALUES (of_store, r.id, r.target, r.subject, v.order_id, r.kind, r.sequence, r.payload,
              r.requested_by, r.request_id, r.traceparent, r.active, urgent, v.at, v.at, v.at);
    END LOOP;
    FOR r IN SELECT * FROM jsonb_to_recordset(v.shipments)
               AS s(id uuid, update_id uuid, number bigint, carrier_code text,
                    carrier_title text, tracking_number text, tracking_key text,
                    tracking_url text, shipped_at timestamptz, method_code text, reference text,
                    fingerprint text, override_cancel_request bool, walmart_carrier jsonb,
                    items jsonb, commerce_items jsonb)
    LOOP
      INSERT INTO shipments (store_id, id, order_id, update_id, number, carrier_code,
                             carrier_title, tracking_number, tracking_key, tracking_url,
                             shipped_at, method_code, reference, fingerprint,
                             override_cancel_request, walmart_carrier, items, commerce_items,
                             created_at)
      OVERRIDING SYSTEM VALUE
      VALUES (of_store, r.id, v.order_id, r.update_id, r.number, r.carrier_code,
              r.carrier_title, r.tracking_number, r.tracking_key, r.tracking_url,
              r.shipped_at, r.method_code, r.reference, decode(r.fingerprint, 'base64'),
              r.override_cancel_request, r.walmart_carrier, r.items, r.commerce_items, v.at);
    END LOOP;
    FOR r IN SELECT * FROM jsonb_to_recordset(v.cancellations)
               AS c(id uuid, update_id uuid, reason text, comment text, inventory jsonb,
                    items jsonb)
    LOOP
      INSERT INTO cancellations (store_id, id, order_id, update_id, reason, comment, inventory,
                                 items, created_at)
      VALUES (of_store, r.id, v.order_id, r.update_id, r.reason, r.comment, r.inventory, r.items,
              v.at);
    END LOOP;
    FOR r IN SELECT * FROM jsonb_to_recordset(v.refunds)
               AS f(id uuid, return_id uuid, update_id uuid, comment text, reference text,
                    items jsonb)
    LOOP
      INSERT INTO refunds (store_id, id, return_id, order_id, update_id, comment, reference,
                           items, created_at)
      VALUES (of_store, r.id, r.return_id, v.order_id, r.update_id, r.comment, r.reference,
              r.items, v.at);
    END LOOP;
    FOR r IN SELECT * FROM jsonb_to_recordset(v.responses)
               AS k(api_key text, method text, path text, key text, fingerprint text,
                    status smallint, headers jsonb, body text)
    LOOP
      INSERT INTO idempotency_keys (store_id, api_key, method, path, key, fingerprint, status,
                                    headers, body)
      VALUES (of_store, r.api_key, r.method, r.path, r.key, decode(r.fingerprint, 'base64'),
              r.status, r.headers, decode(r.body, 'base64'));
    END LOOP;
    written := written || v.n;
  END LOOP;
  RETURN jsonb_build_object('written', written, 'running', running);
END $function$
