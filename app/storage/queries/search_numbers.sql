-- Search one kind of number by its beginning: the keys of at most {{limit}} orders or returns.

-- An order may be found once for each of its lines. Numbers are compared, not matched by LIKE: a
-- statement that is prepared once for every text knows no pattern, and would read the whole table.
(SELECT {{way}} AS way, s.store_id, f.id FROM stores s CROSS JOIN LATERAL (
   SELECT {{id}} AS id FROM {{table}} t
    WHERE t.store_id = s.store_id AND {{among}} LIMIT {{limit}}) f
  WHERE {{store}} LIMIT {{limit}})
