-- Lists the refunds of an order that were requested by a reference, the newest first.
SELECT f.return_id, f.update_id, f.number, now() - f.created_at AS ago,
       CASE WHEN u.state = 'dismissed' AND f.landed_at IS NULL
            THEN u.finished_at END AS given_up_at
  FROM refunds f
  JOIN (SELECT store_id, id, state, finished_at FROM updates UNION ALL
        SELECT store_id, id, state, finished_at FROM archived_updates) u
    ON u.store_id = f.store_id AND u.id = f.update_id
 WHERE f.store_id = :store_id AND f.order_id = :order_id AND f.reference = :reference
   AND (:within::float8 IS NULL OR f.created_at > now() - make_interval(secs => :within))
 ORDER BY f.created_at DESC, f.number DESC
