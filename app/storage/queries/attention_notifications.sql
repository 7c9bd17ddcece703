-- The queue of a store with error notifications that were given up.
SELECT q.due_at AS key, s.id, NULL::uuid AS order_id, s.notify_host AS number,
       coalesce(q.failing_since, q.due_at) AS since, NULL::timestamptz AS deadline,
       q.due_at AS changed_at, q.last_error AS message
  FROM notification_queues q JOIN stores s ON s.store_id = q.store_id
 WHERE q.store_id = <g.store_id> AND q.given_up > 0
   AND (q.due_at, s.id) > (:after::timestamptz, :after_id::uuid)
 ORDER BY q.due_at LIMIT {{limit}}
