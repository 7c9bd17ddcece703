-- The role that KEDA reads the age of the queue with: these columns, nothing of what is in an order.
-- Run it once as waybill_owner or a superuser, after the first migration, and give the role a password (psql: \password).
CREATE ROLE waybill_queue_age LOGIN;
ALTER ROLE waybill_queue_age SET default_transaction_read_only = on;
ALTER ROLE waybill_queue_age SET statement_timeout = '5s';
GRANT SELECT (store_id, kind, ambiguous, urgent, due_at, active, state) ON updates TO waybill_queue_age;
GRANT SELECT (store_id, endpoint, paused_until, failures, tokens, replenish_at) ON lanes TO waybill_queue_age;
