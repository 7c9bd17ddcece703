-- The rows of list_due_groups.sql where tables are sharded: each server groups its own open updates.

-- A recursion runs on one server only, so this reads all open updates.
SELECT g.store_id, g.kind, g.ambiguous,
       extract(epoch FROM greatest(g.due_at, everything.paused_until) - now())::float AS due_in
  FROM (SELECT store_id, kind, ambiguous, min(due_at) AS due_at FROM updates
         WHERE active AND state IN ('pending', 'retrying', 'verifying')
         GROUP BY store_id, kind, ambiguous) g
  LEFT JOIN lanes everything
    ON everything.store_id = g.store_id AND everything.endpoint = '*'
   AND g.kind <> 'commerce_note'
