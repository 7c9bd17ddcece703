-- The causes of a source that has the same ones in each store.
SELECT s.store_id, '' AS operation, c.code, '' AS value, '' AS expected, NULL::timestamptz AS since
  FROM stores s CROSS JOIN unnest(ARRAY[{{codes}}]) AS c(code) WHERE true AND <s>
