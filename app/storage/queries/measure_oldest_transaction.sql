-- Measure the age of the oldest transaction, which keeps vacuum from removing dead rows.

-- Of other roles' sessions nothing is shown without the right to it, not even when their
-- transactions began. A vacuum itself keeps no rows.
SELECT greatest(
         (SELECT max(extract(epoch FROM now() - a.xact_start))
            FROM pg_stat_activity a
           WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
             AND a.backend_type IS DISTINCT FROM 'autovacuum worker'),
         (SELECT max(extract(epoch FROM now() - p.prepared))
            FROM pg_prepared_xacts p WHERE p.database = current_database()),
         0)::float AS oldest_transaction,
       (SELECT count(*) FROM pg_stat_activity a
         WHERE a.datname = current_database()
           AND a.query = '<insufficient privilege>') AS unseen
