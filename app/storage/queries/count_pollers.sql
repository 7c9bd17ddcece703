-- Read the time, and count the pollers that are connected: the sessions that share their lock.
SELECT now() AS at, (
  SELECT count(*) FROM pg_locks AS l
   WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.granted AND l.objsubid = 1
     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND ((l.classid::bigint << 32) | l.objid::bigint) = {{lock}}) AS pollers
