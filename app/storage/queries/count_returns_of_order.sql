-- How many returns of an order t are neither refunded nor closed.

-- Each return is looked up by itself: otherwise PostgreSQL may read all open returns of the store.
(SELECT count(*) FROM ({{returns}}) AS i(id)
  CROSS JOIN LATERAL (SELECT o.refunded, o.closed FROM returns o
                       WHERE o.store_id = <t.store_id> AND o.id = i.id OFFSET 0) r
  WHERE NOT r.refunded AND NOT r.closed)
