-- The causes of the differences that the last comparison with Walmart left to a person.
SELECT DISTINCT r.store_id, '' AS operation, f ->> 'cause' AS code, '' AS value, '' AS expected,
       NULL::timestamptz AS since
  FROM reconciliations r CROSS JOIN jsonb_array_elements(r.findings) f WHERE true AND <r>
