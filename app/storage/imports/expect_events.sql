-- Expect a webhook event for each change, if the store subscribed before the change happened.
INSERT INTO webhooks_expected (store_id, number, since)
SELECT CAST(:store_id AS int), v.number, coalesce(v.since, '-infinity')
  FROM stores s
  CROSS JOIN jsonb_to_recordset(:changes::jsonb)
       AS v(number text, since timestamptz, happened_at timestamptz)
 WHERE s.store_id = :store_id AND s.webhook_secret IS NOT NULL
   AND v.happened_at >= s.webhooks_since
    ON CONFLICT (store_id, number) DO NOTHING
