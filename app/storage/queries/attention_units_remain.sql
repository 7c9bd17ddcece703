-- Whether an order o has units left to ship; a subquery that PostgreSQL cannot turn into a scan.
(SELECT true FROM order_lines n WHERE n.store_id = <g.store_id> AND n.order_id = o.id
    AND n.shipped + n.canceled + n.pending < n.ordered LIMIT 1)
