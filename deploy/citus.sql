-- Waybill on Citus: run once as the owner on the coordinator, after `waybill migrate`, with no
-- traffic. Not run on Citus by us: it cannot be installed where Waybill is built. What a
-- catalogue can show (keys, foreign keys, unique indexes carry store_id) is shown by
-- tests/integration/test_citus.py.
--
-- Every seller's rows live together, on the worker that its store_id hashes to. Where the extension
-- is, requests, claims, results and upkeep are each of one store (decision 0022), so each stays on one
-- worker; docs/scaling.md says what Citus may still refuse, and what was not looked at.

-- A foreign key to a distributed table must be one within its own group of rows; these lead from
-- distributed tables to reference tables, which Citus allows.
-- The triggers of orders, updates and lanes write only rows of the same store, on the same worker,
-- and read stores, which is everywhere.
SET citus.enable_unsafe_triggers TO on;

SELECT create_reference_table('stores');
SELECT create_reference_table('api_keys');
SELECT create_reference_table('oauth_credentials');
SELECT create_reference_table('replaced_secrets');

-- Retention's mark of its transaction does not reach the workers: on Citus the audit refuses changes
-- of its rows, and the application's role is what keeps deletions out.
DROP TRIGGER keep_audit ON audit;
DROP TRIGGER keep_audit_table ON audit;
CREATE TRIGGER keep_audit BEFORE UPDATE ON audit
    FOR EACH ROW EXECUTE FUNCTION keep_audit();

SELECT create_distributed_table('orders', 'store_id', colocate_with => 'none', shard_count => 64);
SELECT create_distributed_table('order_lines', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('updates', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('archived_updates', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('shipments', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('cancellations', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('attempts', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('events', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('lanes', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('returns', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('return_orders', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('refunds', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('webhook_events', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('notifications', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('notification_queues', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('notification_messages', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('commerce_events', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('commerce_event_ids', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('imports', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('import_places', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('import_retries', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('webhooks_expected', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('reconciliations', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('order_counts', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('order_count_changes', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('delivery_rollups', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('delivery_rollup_steps', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('delivery_rollup_cursors', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('idempotency_keys', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('jobs', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('oauth_nonces', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('audit', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('sessions', 'store_id', colocate_with => 'orders');
SELECT create_distributed_table('sign_in_links', 'store_id', colocate_with => 'orders');

-- alembic_version stays a local table of the coordinator, where migrations run.
