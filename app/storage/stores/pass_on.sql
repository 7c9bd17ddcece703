-- Make the oldest store that shares an account or name its owner, if it has none.
UPDATE stores SET {{shared}} = false
 WHERE store_id = (SELECT min(store_id) FROM stores WHERE {{same}} AND {{shared}})
   AND NOT EXISTS (SELECT FROM stores WHERE {{same}} AND NOT {{shared}})
