-- Read one update, archived or not.
SELECT {{rows}} FROM updates t JOIN stores s ON s.store_id = t.store_id
 WHERE t.store_id = :store_id AND t.id = :id
 UNION ALL
SELECT {{archived}} FROM archived_updates t JOIN stores s ON s.store_id = t.store_id
 WHERE t.store_id = :store_id AND t.id = :id
