-- The columns that the view of an order t with its store s needs.

-- Returns are only counted, and most orders have no cancellation: a subquery in the row costs less
-- than another statement.
{{columns}}, t.ship_by < now() AS late, s.id AS store_uuid,
s.market, s.admin_order_url,
{{open_returns}} AS returns,
(SELECT true FROM cancellations c
  WHERE c.store_id = <t.store_id> AND c.order_id = t.id LIMIT 1) AS canceled
