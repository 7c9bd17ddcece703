-- The differences of a cause g that the last comparison with Walmart left to a person.
SELECT r.started_at AS key, md5(f.value::text)::uuid AS id, (f.value ->> 'order_id')::uuid AS order_id,
       f.value ->> 'number' AS number, r.started_at AS since, NULL::timestamptz AS deadline,
       r.started_at AS changed_at, f.value ->> 'message' AS message
  FROM reconciliations r CROSS JOIN jsonb_array_elements(r.findings) AS f(value)
 WHERE r.store_id = <g.store_id> AND f.value ->> 'cause' = g.code
   AND (r.started_at, md5(f.value::text)::uuid) > (:after::timestamptz, :after_id::uuid)
   -- An order that was read since is no difference any more.
   AND NOT (g.code = 'order_unknown_here' AND EXISTS (
         SELECT FROM orders o
          WHERE o.store_id = <g.store_id> AND o.purchase_order_id = f.value ->> 'number'))
 ORDER BY r.started_at, md5(f.value::text)::uuid LIMIT {{limit}}
