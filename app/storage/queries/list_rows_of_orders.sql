-- List the rows of some orders in a table t that has a store_id and an order_id.

-- Two arrays make the statement and its plan the same for one order and for 200. Each order is
-- looked up by itself; otherwise PostgreSQL reads a whole table that it believes to be small.
SELECT {{columns}} FROM unnest(:stores::int[], :ids::uuid[]) AS q(store_id, order_id)
 CROSS JOIN LATERAL (SELECT t.* FROM {{table}} t
                      WHERE t.store_id = <q.store_id> AND t.order_id = q.order_id OFFSET 0) t
