-- Count returns by status, of one store or of all.
SELECT {{status}} AS status, count(*) AS returns FROM returns t
 WHERE true AND <t> GROUP BY 1
