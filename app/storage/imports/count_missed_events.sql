-- Remove the expectations that are over, and count those without an event.
WITH over AS (
  DELETE FROM webhooks_expected
   WHERE store_id = :store_id AND seen_at <= now() - make_interval(secs => :grace)
  RETURNING number, since)
SELECT count(*) FROM over o
 WHERE NOT EXISTS (SELECT FROM webhook_events w
                    WHERE w.store_id = :store_id AND w.purchase_order_id = o.number
                      -- mutation: missed-event-count
                      AND w.received_at >= o.since)
