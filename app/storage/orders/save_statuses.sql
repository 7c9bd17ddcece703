-- Saves statuses of orders, and the buyer's cancel request with the time when it was first seen.
UPDATE orders o
   SET fulfillment_status = v.fulfillment_status, status = v.status, updated_at = now(),
       last_synced_at = CASE WHEN v.synced THEN v.at ELSE o.last_synced_at END,
       -- mutation: cancel-request-without-read
       cancel_requested = CASE WHEN NOT v.synced THEN o.cancel_requested
         WHEN v.cancel_requested IS NOT NULL THEN jsonb_set(v.wish, '{seen_at}', coalesce(
           -- mutation: cancel-request-first-seen
           nullif(o.cancel_requested->'seen_at', 'null'), v.wish->'seen_at')) END
  FROM (SELECT r.*, now() AS at,
               jsonb_build_object('lines', r.cancel_requested, 'seen_at', r.seen_at) AS wish
          FROM jsonb_to_recordset(:statuses::jsonb) AS r(store_id int, id uuid,
               fulfillment_status text, status text, synced boolean, cancel_requested jsonb,
               seen_at text)) v
 -- mutation: batch-saves-own-status
 WHERE o.store_id = v.store_id AND o.id = v.id AND <o> AND <v>
