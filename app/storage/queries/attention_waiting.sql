-- The updates that wait for a stopped lane g, the first accepted first.
-- Each state and kind is read by its part of an index.
SELECT u.created_at AS key, u.id, u.order_id, u.subject AS number, u.created_at AS since,
       NULL::timestamptz AS deadline, u.updated_at AS changed_at, NULL::text AS message
  FROM unnest(ARRAY['pending', 'retrying', 'verifying']) AS w(state)
 CROSS JOIN unnest(CASE WHEN g.code LIKE 'commerce%' THEN :commerce_kinds::text[]
                        ELSE :walmart_kinds::text[] END) AS k(kind)
 CROSS JOIN LATERAL (
   SELECT u.* FROM updates u
    WHERE u.store_id = <g.store_id> AND u.state = w.state AND u.kind = k.kind
      AND (u.created_at, u.id) > (:after::timestamptz, :after_id::uuid)
    ORDER BY u.store_id, u.state, u.kind, u.created_at, u.id LIMIT {{limit}}) u
 ORDER BY u.created_at, u.id LIMIT {{limit}}
