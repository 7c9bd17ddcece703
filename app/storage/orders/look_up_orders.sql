-- Reads orders with what is needed to accept changes of them, and answers that are stored already.
SELECT v.n, {{columns}}, o.xmin AS version,
       {{numbers}} AS numbers,
       EXISTS (SELECT FROM unnest(v.refs) r(reference)
                 JOIN shipments s ON s.store_id = <o.store_id> AND s.order_id = o.id
                                 AND s.reference = r.reference) AS repeated,
       k.fingerprint, k.status, k.headers, k.body,
       k.created_at > now() - make_interval(secs => {{kept_for}}) AS replayable
  FROM jsonb_to_recordset({{asked}})
         AS v(n int, store_id int, id uuid, packages int, refs text[], api_key text, method text,
              path text, key text)
  JOIN orders o ON o.store_id = v.store_id AND o.id = v.id AND <o>
  JOIN stores st ON st.store_id = o.store_id
  LEFT JOIN idempotency_keys k ON k.store_id = <o.store_id> AND k.api_key = v.api_key
   AND k.method = v.method AND k.path = v.path AND k.key = v.key
