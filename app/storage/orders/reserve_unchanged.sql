-- Reserves units of one store's orders that are as they were checked and that no other transaction locks.
WITH unchanged AS MATERIALIZED (
  SELECT v.n, o.id
    FROM jsonb_to_recordset(:orders::jsonb) AS v(n int, order_id uuid, version xid)
    JOIN orders o ON o.store_id = :store_id AND o.id = v.order_id AND o.xmin = v.version
   WHERE o.id = ANY(:ids::uuid[])
     FOR NO KEY UPDATE OF o SKIP LOCKED),
accepted AS (
  UPDATE orders o SET updated_at = now()
    FROM unchanged v
   WHERE o.store_id = :store_id AND o.id = v.id AND o.id = ANY(:ids::uuid[])
  RETURNING v.n, o.id AS order_id, o.ship_by_warned_at IS NOT NULL AS urgent),
reserved AS (
  UPDATE order_lines l SET pending = l.pending + r.units
    FROM accepted a
    JOIN jsonb_to_recordset(:lines::jsonb) AS r(n int, line_number text, units int) USING (n)
   WHERE l.store_id = :store_id AND l.order_id = a.order_id AND l.order_id = ANY(:ids::uuid[])
     AND l.line_number = r.line_number)
SELECT n, urgent FROM accepted
