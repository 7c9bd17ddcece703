-- The condition of an open stock level u that is in doubt after a restored backup.
u.store_id = :store_id AND u.kind = 'inventory'
   AND u.state || '' IN ('pending', 'retrying', 'verifying', 'sending', 'failed')
   AND u.in_doubt_until >= :until
