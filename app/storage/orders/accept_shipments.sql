-- Inserts the shipments of accepted orders.
sent AS (
  INSERT INTO shipments (store_id, id, order_id, update_id, number, carrier_code, carrier_title,
                         tracking_number, tracking_key, tracking_url, shipped_at, method_code,
                         reference, fingerprint, override_cancel_request, walmart_carrier, items,
                         commerce_items, created_at)
  OVERRIDING SYSTEM VALUE
  SELECT <a.store_id>, s.id, a.order_id, s.update_id, s.number, s.carrier_code, s.carrier_title,
         s.tracking_number, s.tracking_key, s.tracking_url, s.shipped_at, s.method_code,
         s.reference, decode(s.fingerprint, 'base64'), s.override_cancel_request,
         s.walmart_carrier, s.items, s.commerce_items, a.at
    FROM accepted a
    JOIN jsonb_to_recordset(:shipments::jsonb)
           AS s(n int, id uuid, update_id uuid, number bigint, carrier_code text,
                carrier_title text, tracking_number text, tracking_key text, tracking_url text,
                shipped_at timestamptz, method_code text, reference text, fingerprint text,
                override_cancel_request bool, walmart_carrier jsonb, items jsonb,
                commerce_items jsonb) USING (n))
