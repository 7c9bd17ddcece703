-- Search one kind of number by its beginning: the keys of at most {{limit}} orders or returns.

-- An order may be found once for each of its lines. Numbers are compared, not matched by LIKE: a
-- statement that is prepared once for every text knows no pattern, and would read the whole table.
-- Each store has the lane of all calls, which is on the server of the store where tables are sharded.
(SELECT {{way}} AS way, l.store_id, f.id FROM lanes l CROSS JOIN LATERAL (
   SELECT {{id}} AS id FROM {{table}} t
    WHERE t.store_id = <l.store_id> AND {{among}} LIMIT {{limit}}) f
  WHERE l.endpoint = '*' AND <l> LIMIT {{limit}})
