-- Lets the updates of some orders go before others of their stores.
-- An update that another transaction locks is left out: its order is marked in the next round.
WITH free AS MATERIALIZED (
  SELECT u.store_id, u.id
    FROM updates u JOIN unnest(:stores::int[], :orders::uuid[]) AS o(store_id, order_id)
      ON u.store_id = o.store_id AND u.order_id = o.order_id
   WHERE {{late}} AND <u> AND <o>
     -- mutation: warning-skips-locked-updates
     FOR UPDATE OF u SKIP LOCKED)
UPDATE updates u SET urgent = true
  FROM free WHERE u.store_id = free.store_id AND u.id = free.id AND <u>
