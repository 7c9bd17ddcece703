-- The rows of a group of an index scan that have no key: the index has them in the order of their ids.

-- No end is set: a second bound of the id would let PostgreSQL expect few rows.
SELECT '-infinity'::timestamptz AS key, t.id FROM {{table}} t
 WHERE {{where}} AND t.store_id = <{{group}}.store_id>{{same}}
   AND {{key}} IS NULL AND t.id {{behind}} {{begin}}
 ORDER BY {{key}} {{direction}}, t.id {{direction}} LIMIT {{limit}}
