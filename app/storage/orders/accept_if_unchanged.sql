-- Selects the orders of a batch that are as they were checked and that no other transaction locks.
given AS MATERIALIZED (
  -- The advisory lock lets another request with the same Idempotency-Key fail at once.
  -- mutation: running-twin-answer
  SELECT v.*, v.lock IS NULL OR pg_try_advisory_xact_lock(v.lock) AS open
    FROM jsonb_to_recordset(:orders::jsonb)
           AS v(n int, store_id int, order_id uuid, version xid, lock bigint, at timestamptz)),
unchanged AS MATERIALIZED (
  SELECT v.n, v.at, o.store_id, o.id
    FROM given v
    -- mutation: order-row-version
    JOIN orders o ON o.store_id = v.store_id AND o.id = v.order_id AND o.xmin = v.version
   WHERE v.open
     -- mutation: skip-locked-orders
     FOR NO KEY UPDATE OF o SKIP LOCKED),
accepted AS (
  UPDATE orders o SET updated_at = now()
    FROM unchanged v
   WHERE o.store_id = v.store_id AND o.id = v.id
  RETURNING v.n, v.at, o.store_id, o.id AS order_id, o.ship_by_warned_at IS NOT NULL AS urgent)
