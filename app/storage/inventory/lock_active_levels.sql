-- Lock the active updates of some levels, so that the end of one that is being recorded is seen.
SELECT FROM updates u JOIN {{levels}} ON {{same}} AND u.active::int = 1
 ORDER BY u.id FOR UPDATE OF u
