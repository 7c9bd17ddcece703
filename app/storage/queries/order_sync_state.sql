-- The sync state of an order t (domain/orders/order.py, sync_state); its archived updates are at rest.

-- OFFSET 0: otherwise PostgreSQL may read all failed or open updates of the store for one order.
(SELECT CASE WHEN bool_or(u.state = 'failed') THEN 'error'
             WHEN bool_or(u.state IN ('retrying', 'verifying')) THEN 'retrying'
             WHEN bool_or(u.state IN ('pending', 'sending')) THEN 'pending'
             ELSE 'synced' END
   FROM (SELECT o.state FROM updates o
          WHERE o.store_id = <t.store_id> AND o.order_id = t.id OFFSET 0) u)
