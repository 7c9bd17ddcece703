-- The first group of an index behind another group that has the same wanted values.
SELECT {{selected}} FROM {{table}} t
 WHERE {{where}} AND t.store_id = <{{source}}.store_id> AND {{behind}}
 ORDER BY {{columns}} LIMIT 1
