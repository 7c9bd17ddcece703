-- Makes the two roles of Waybill's database. It may be run again at any time.
--
--   OWNER_PASSWORD=… APP_PASSWORD=… psql "$ADMIN" -v ON_ERROR_STOP=1 -f deploy/postgres/roles.sql
--
-- Run it in Waybill's own database with psql 15 or newer, as a superuser or as the administrator that
-- your provider gives you. Without the two variables no password is changed: set them with \password.
--
--   waybill_owner   owns the tables; `waybill migrate --grant-to waybill_app` connects as this role
--   waybill_app     serve, poller and every other command; it may read and write rows only
--
-- Tables of an installation with one role are given to waybill_owner. Each waits at most 4 seconds for
-- its lock; run it again if one was busy. Processes that run go on.
SET lock_timeout = '4s';

SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['waybill_owner', 'waybill_app']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

\getenv owner_password OWNER_PASSWORD
\if :{?owner_password}
ALTER ROLE waybill_owner PASSWORD :'owner_password';
\endif
\getenv app_password APP_PASSWORD
\if :{?app_password}
ALTER ROLE waybill_app PASSWORD :'app_password';
\endif

-- An administrator that is no superuser may give tables only to a role that it is a member of.
SELECT 'GRANT waybill_owner TO CURRENT_USER'
  FROM pg_roles WHERE rolname = current_user AND NOT rolsuper \gexec

GRANT USAGE, CREATE ON SCHEMA public TO waybill_owner;
-- PostgreSQL 14 lets every role create tables there.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;

SELECT format('ALTER TABLE %s OWNER TO waybill_owner', c.oid::regclass)
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND c.relowner <> 'waybill_owner'::regrole
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
 ORDER BY c.relname \gexec
SELECT format('ALTER FUNCTION %s OWNER TO waybill_owner', p.oid::regprocedure)
  FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> 'waybill_owner'::regrole
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
 ORDER BY p.proname \gexec
-- A table takes its own sequences along; these are the others.
SELECT format('ALTER SEQUENCE %s OWNER TO waybill_owner', c.oid::regclass)
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S'
   AND c.relowner <> 'waybill_owner'::regrole
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'e', 'i'))
 ORDER BY c.relname \gexec
