-- The status of a return t. What is refunded is no error any more, even if Walmart refunded it.
CASE WHEN t.refunded THEN 'refunded'
     WHEN t.import_error IS NOT NULL OR {{failed}} THEN 'error'
     WHEN t.closed THEN 'closed' ELSE 'received' END
