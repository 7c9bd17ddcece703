-- Whether a status detail of an order t has a code.
-- It is of an update or a line of it, a Commerce event, the import, or a warning of the ship-by date.
(t.import_error ->> 'code' IS NOT DISTINCT FROM :code::text
  OR (t.ship_by_warned_at IS NOT NULL AND {{unshipped}}
      AND CASE WHEN t.ship_by < now() THEN 'ship_by_passed' ELSE 'ship_by_near' END = :code)
  OR (SELECT bool_or(u.state NOT IN ('confirmed', 'dismissed') AND (u.last_error ->> 'code' = :code
        OR u.last_error -> 'lines' @> jsonb_build_array(jsonb_build_object('code', :code::text))))
        FROM (SELECT o.state, o.last_error FROM updates o
               WHERE o.store_id = <t.store_id> AND o.order_id = t.id OFFSET 0) u) IS TRUE
  OR (SELECT bool_or(e.state IN ('waiting', 'refused') AND e.code = :code)
        FROM (SELECT c.state, c.code FROM commerce_events c
               WHERE c.store_id = <t.store_id> AND c.order_id = t.id OFFSET 0) e) IS TRUE)
