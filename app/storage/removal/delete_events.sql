-- Delete old entries of the timelines of these orders.

-- The former numbers of a corrected shipment are still recognised by them.
DELETE FROM events
 WHERE store_id = :store_id AND order_id = ANY(:ids::uuid[])
   AND at < now() - make_interval(days => :days) AND what <> 'tracking_corrected'
