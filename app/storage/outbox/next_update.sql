-- Selects the update of each subject that should be active.
-- It is the oldest open one; behind shipments that are known to be absent the next shipment may go
-- instead, and of these the one that is due first.
--
-- A subject has few updates, and they are found by its name. With plain conditions the planner may
-- choose a partial index of all open or active updates, which after a burst of requests it still
-- believes to be empty: each request then reads the whole queue of its store. So the conditions on
-- state and active are written in a form that no partial index serves.
SELECT c.store_id, c.id FROM unnest(:stores::int[], :targets::text[],
                                    :subjects::text[]) AS q(store_id, target, subject)
CROSS JOIN LATERAL (
  SELECT o.store_id, o.id FROM (
    SELECT u.store_id, u.id, u.kind, u.state, u.due_at, u.sequence,
           bool_and(u.kind = 'shipment' AND u.state = 'retrying'
                    AND u.in_doubt_until IS NULL AND u.retries >= {{passable_after}})
             OVER (ORDER BY u.sequence ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
             AS behind_passable
      FROM updates u
     WHERE u.store_id = <q.store_id> AND u.target = q.target AND u.subject = q.subject
       AND u.state || '' IN ('pending', 'sending', 'retrying', 'verifying')) o
   -- mutation: turn-while-sending
   WHERE o.state = 'sending' OR o.behind_passable IS NULL
      OR (o.behind_passable AND o.kind = 'shipment')
   ORDER BY (o.state = 'sending') DESC, o.due_at, o.sequence LIMIT 1) c
