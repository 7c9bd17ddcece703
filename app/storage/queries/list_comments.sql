-- List the newest comments of an order, with the number of all of them.
SELECT c.at, c.detail, count(*) OVER () AS total
  FROM events c
 WHERE c.store_id = :store_id AND c.order_id = :order_id AND c.what = :what
 ORDER BY c.at DESC, c.id DESC LIMIT :limit::int
