-- Selects what the rules need of an order o, beside its key: its lines and its updates, too.

-- Both are text of JSON, in any order: to sort them and to build jsonb cost as much as to read them.
o.purchase_order_id, o.customer_order_id, o.commerce_order_number, o.commerce_order_id,
o.ordered_at, o.ship_method, o.cancel_requested, o.last_synced_at, o.fulfilled_by,
o.import_error, o.commerce_open,
(SELECT coalesce(json_agg(json_build_object(
          'position', l.position, 'line_number', l.line_number, 'sku', l.sku, 'name', l.name,
          'commerce_item_id', l.commerce_item_id, 'commerce_items', l.commerce_items,
          'unit_price', l.unit_price::text, 'currency', l.currency, 'other_charges', l.other_charges::text,
          'ordered', l.ordered, 'pending', l.pending,
          'shipped', l.shipped, 'canceled', l.canceled, 'refunded', l.refunded))::text, '[]')
   -- mutation: hot-path-single-store
   FROM order_lines l WHERE l.store_id = <o.store_id> AND l.order_id = o.id) AS lines,
(SELECT coalesce(json_agg(json_build_object(
          'update_id', u.id, 'kind', u.kind, 'state', u.state, 'sequence', u.sequence,
          'in_doubt_until', u.in_doubt_until,
          'confirmed_at', greatest(s.first_confirmed_at,
             CASE WHEN u.state = 'confirmed'
                   AND u.kind IN ('shipment', 'tracking', 'cancellation')
                  THEN u.finished_at END),
          'items', coalesce(s.items, c.items, '[]'::jsonb),
          'tracking_number', u.payload->>'tracking_number', 'reason', c.reason,
          'previous_tracking_number', u.payload->>'previous_tracking_number',
          'corrects', u.payload->>'shipment_update_id',
          'recognisable', u.payload->'recognisable',
          'package', CASE WHEN u.kind = 'tracking' THEN u.payload END,
          'override_cancel_request', coalesce(s.override_cancel_request, false),
          'commerce_items', s.commerce_items->'contents',
          'shipment_number', s.number,
          'failure', CASE WHEN u.state = 'failed' THEN u.last_error END))::text, '[]')
   FROM (SELECT id, kind, state, sequence, in_doubt_until, finished_at, payload, last_error
           FROM updates
          WHERE store_id = <o.store_id> AND order_id = o.id
         UNION ALL
         SELECT id, kind, state, sequence, NULL, finished_at, payload, NULL
           FROM archived_updates
          -- mutation: archived-updates-in-rules
          WHERE store_id = <o.store_id> AND order_id = o.id) u
   LEFT JOIN LATERAL (SELECT * FROM shipments WHERE store_id = <o.store_id>
                         AND update_id = u.id AND u.kind = 'shipment' LIMIT 1) s ON true
   LEFT JOIN LATERAL (SELECT * FROM cancellations WHERE store_id = <o.store_id>
                         AND update_id = u.id AND u.kind = 'cancellation' LIMIT 1) c ON true
  WHERE u.kind <> 'inventory') AS tasks,
-- Only composite products are shipped in parts. With EXISTS, a plan could read all lines at once.
CASE WHEN (SELECT true FROM order_lines l
            WHERE l.store_id = <o.store_id> AND l.order_id = o.id
              AND l.commerce_items IS NOT NULL LIMIT 1)
     THEN (SELECT coalesce(jsonb_agg(e.told->'items'), '[]')
             FROM commerce_events e
            WHERE e.store_id = <o.store_id> AND e.order_id = o.id AND e.about = 'shipment'
              AND e.code = 'track_not_sent' AND e.shipments = '[]') END AS later_parts
