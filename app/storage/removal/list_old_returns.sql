-- List finished returns that did not change for so many days, behind a position.
SELECT r.updated_at AS at, r.id FROM returns r
 WHERE r.store_id = :store_id AND r.id > :id
   AND r.updated_at < now() - make_interval(days => :days)
   -- mutation: finished-returns-age
   AND (r.refunded OR r.closed) AND r.import_error IS NULL
 ORDER BY r.id LIMIT :batch FOR UPDATE SKIP LOCKED
