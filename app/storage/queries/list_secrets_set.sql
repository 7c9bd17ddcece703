-- The secrets of a store by their names in the audit, each with its last change.
SELECT DISTINCT ON (named.name) named.name, a.at, a.actor
  FROM audit a, jsonb_each_text(a.after) named(name, value)
 WHERE a.store_id = :store_id
   AND a.what IN ('store_created', 'store_credentials_changed', 'store_notifications_changed')
   AND named.value = 'changed'
 ORDER BY named.name, a.at DESC
