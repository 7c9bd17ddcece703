-- Postpone an order that could not be read again: each time twice as long.
UPDATE import_retries r SET reason = :reason, tries = r.tries + 1, due_at = v.due_at
  FROM (SELECT i.purchase_order_id,
               now() + make_interval(secs => least(
                 :longest::float8, :first::float8 * 2.0 ^ least(i.tries, 20))) AS due_at
          FROM import_retries i
         WHERE i.store_id = :store_id AND i.purchase_order_id = :number FOR UPDATE) v
 WHERE r.store_id = :store_id AND r.purchase_order_id = v.purchase_order_id
RETURNING r.tries
