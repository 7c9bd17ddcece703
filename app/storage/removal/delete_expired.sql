-- Deletes the oldest due rows of a table, those that no other transaction holds.
DELETE FROM {{table}} x
 WHERE x.ctid = ANY (ARRAY(SELECT d.ctid <due> {{order}} LIMIT :batch {{lock}})) AND <x>
