-- The rows of a group of an index scan between two ends, both left out.
SELECT {{key}} AS key, t.id FROM {{table}} t
 WHERE {{where}} AND t.store_id = <{{group}}.store_id>
   AND {{place}} {{behind}} {{begin}} AND {{place}} {{before}} {{end}}
 ORDER BY {{order}} LIMIT {{limit}}
