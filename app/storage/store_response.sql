-- Stores responses under their keys.
INSERT INTO idempotency_keys (store_id, api_key, method, path, key, fingerprint, status, headers,
                              body)
SELECT <k.store_id>, k.api_key, k.method, k.path, k.key, decode(k.fingerprint, 'base64'),
       k.status, k.headers, decode(k.body, 'base64')
  FROM {{accepted}} jsonb_to_recordset(:responses::jsonb)
         AS k(n int, store_id int, api_key text, method text, path text, key text,
              fingerprint text, status smallint, headers jsonb, body text)
{{rest}}
