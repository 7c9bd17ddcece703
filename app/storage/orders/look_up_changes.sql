-- Makes the function that looks up one store's orders, on the server of their rows, to accept changes.
CREATE OR REPLACE FUNCTION {{name}}(of_store int, given jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET jit = off SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
  -- Each statement is of one table and names the store by a value: Citus plans it without a search.
  -- STABLE lets all of them read one snapshot.
  wanted_ids uuid[];
  callers text[]; methods text[]; paths text[]; keys text[];
  store_rows jsonb; order_rows jsonb; line_rows jsonb; update_rows jsonb; archived_rows jsonb;
  shipment_rows jsonb; cancellation_rows jsonb; event_rows jsonb; key_rows jsonb; result jsonb;
BEGIN
  SELECT array_agg(v.id), array_agg(v.api_key), array_agg(v.method), array_agg(v.path),
         array_agg(v.key) FILTER (WHERE v.key IS NOT NULL)
    INTO wanted_ids, callers, methods, paths, keys
    FROM jsonb_to_recordset(given) AS v(id uuid, api_key text, method text, path text, key text);
  SELECT jsonb_agg(to_jsonb(t) || jsonb_build_object('xmin', t.xmin)) INTO order_rows
    FROM orders t WHERE t.store_id = of_store AND t.id = ANY(wanted_ids);
  IF order_rows IS NULL THEN
    RETURN '[]';
  END IF;
  SELECT jsonb_agg(to_jsonb(t)) INTO store_rows FROM stores t WHERE t.store_id = of_store;
  SELECT jsonb_agg(to_jsonb(t)) INTO line_rows
    FROM order_lines t WHERE t.store_id = of_store AND t.order_id = ANY(wanted_ids);
  SELECT jsonb_agg(to_jsonb(t)) INTO update_rows
    FROM updates t WHERE t.store_id = of_store AND t.order_id = ANY(wanted_ids);
  SELECT jsonb_agg(to_jsonb(t)) INTO archived_rows
    FROM archived_updates t WHERE t.store_id = of_store AND t.order_id = ANY(wanted_ids);
  -- Updates of other kinds are of no shipment and no cancellation.
  IF jsonb_path_exists(given, '$[*].refs[*]')
     OR jsonb_path_exists(update_rows, '$[*].kind ? (@ != "acknowledgement")')
     OR archived_rows IS NOT NULL THEN
    SELECT jsonb_agg(to_jsonb(t)) INTO shipment_rows
      FROM shipments t WHERE t.store_id = of_store AND t.order_id = ANY(wanted_ids);
    SELECT jsonb_agg(to_jsonb(t)) INTO cancellation_rows
      FROM cancellations t WHERE t.store_id = of_store AND t.order_id = ANY(wanted_ids);
  END IF;
  IF jsonb_path_exists(line_rows, '$[*].commerce_items ? (@ != null)') THEN
    SELECT jsonb_agg(to_jsonb(t)) INTO event_rows
      FROM commerce_events t WHERE t.store_id = of_store AND t.order_id = ANY(wanted_ids);
  END IF;
  IF keys IS NOT NULL THEN
    SELECT jsonb_agg(to_jsonb(t)) INTO key_rows FROM idempotency_keys t
     WHERE t.store_id = of_store AND t.api_key = ANY(callers) AND t.method = ANY(methods)
       AND t.path = ANY(paths) AND t.key = ANY(keys);
  END IF;
  -- The same question as where one server has all tables, of the rows of their names.
  WITH stores AS (SELECT * FROM jsonb_populate_recordset(NULL::stores, store_rows)),
       orders AS (SELECT t.*, (e->>'xmin')::xid AS xmin
                    FROM jsonb_array_elements(order_rows) e,
                         jsonb_populate_record(NULL::orders, e) t),
       order_lines AS (SELECT * FROM jsonb_populate_recordset(NULL::order_lines, line_rows)),
       updates AS (SELECT * FROM jsonb_populate_recordset(NULL::updates, update_rows)),
       archived_updates AS (
         -- At the coordinator (a transaction pooler) an update may have moved since it was read.
         SELECT * FROM jsonb_populate_recordset(NULL::archived_updates, archived_rows) a
          WHERE NOT EXISTS (SELECT FROM updates u WHERE u.id = a.id)),
       shipments AS (SELECT * FROM jsonb_populate_recordset(NULL::shipments, shipment_rows)),
       cancellations AS (
         SELECT * FROM jsonb_populate_recordset(NULL::cancellations, cancellation_rows)),
       commerce_events AS (
         SELECT * FROM jsonb_populate_recordset(NULL::commerce_events, event_rows)),
       idempotency_keys AS (
         SELECT * FROM jsonb_populate_recordset(NULL::idempotency_keys, key_rows))
  SELECT coalesce(jsonb_agg(to_jsonb(answers)), '[]') INTO result FROM (
    {{question}}) answers;
  RETURN result;
END $function$
