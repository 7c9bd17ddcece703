-- Lists the refunds of some returns with the states of their updates.
SELECT f.return_id, f.update_id, f.number, f.items, f.landed_at IS NOT NULL AS seen, u.state,
       u.in_doubt_until
  FROM refunds f
  JOIN (SELECT store_id, id, state, in_doubt_until FROM updates UNION ALL
        SELECT store_id, id, state, NULL FROM archived_updates) u
    ON u.store_id = f.store_id AND u.id = f.update_id
 WHERE f.store_id = :store_id AND f.return_id = ANY(:return_ids::uuid[])
 ORDER BY f.number
