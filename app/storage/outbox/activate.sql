-- Activates the next update of each subject.
UPDATE updates u SET active = true FROM ({{next}}) n
 WHERE u.store_id = n.store_id AND u.id = n.id AND NOT u.active AND <u> AND <n>
