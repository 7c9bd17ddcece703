-- List the stock levels that have an open update in doubt.
SELECT DISTINCT u.payload->>'sku' AS sku, u.payload->>'ship_node' AS ship_node FROM updates u
 WHERE {{open}} ORDER BY 1, 2 LIMIT :batch
