-- Examine the database: what the session's role may, its connections, its size and its archive.

-- Where the settings of the server are hidden from the role, the data folder is NULL.
SELECT r.rolname AS role,
       r.rolsuper AS superuser,
       r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls AS administers,
       has_schema_privilege('public', 'CREATE') AS may_create,
       (SELECT count(*) FILTER (WHERE pg_has_role(c.relowner, 'USAGE'))
          FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')) AS owned,
       (SELECT count(*) FILTER (WHERE has_table_privilege(c.oid, 'TRUNCATE'))
          FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')) AS truncatable,
       coalesce(has_table_privilege(to_regclass('public.audit'), 'UPDATE'), false) AS may_rewrite,
       least(current_setting('max_connections')::int
             - current_setting('superuser_reserved_connections')::int
             - coalesce(current_setting('reserved_connections', true)::int, 0),
             nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) AS most_connections,
       (SELECT sum(s.numbackends) FROM pg_stat_database s)::int AS connected,
       pg_database_size(d.oid) AS size,
       CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE')
            THEN current_setting('data_directory') END AS folder,
       current_setting('archive_mode') <> 'off' AS archives,
       extract(epoch FROM now() - a.last_archived_time)::float AS archived,
       coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false)
         AS archive_fails,
       (SELECT count(*) FROM pg_locks l
         WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.granted AND l.objsubid = 1
           AND l.database = d.oid
           AND ((l.classid::bigint << 32) | l.objid::bigint) = {{lock}}) AS pollers
  FROM pg_roles r, pg_database d, pg_stat_archiver a
 WHERE r.rolname = current_user AND d.datname = current_database()
