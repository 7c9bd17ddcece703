-- Link an order to its Commerce order; a number that a person has written stays.
UPDATE orders
   SET commerce_order_number = coalesce(commerce_order_number, :number),
       commerce_order_id = coalesce(commerce_order_id, :entity_id), updated_at = now()
 WHERE store_id = :store_id AND id = :order_id
   AND (commerce_order_number IS NULL OR commerce_order_id IS NULL)
   AND coalesce(commerce_order_number, :number) = :number
   AND coalesce(commerce_order_id, :entity_id) = :entity_id
RETURNING id
