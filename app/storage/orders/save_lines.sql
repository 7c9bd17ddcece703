-- Saves the quantities, names and other charges of order lines.
UPDATE order_lines l
   SET ordered = v.ordered, pending = v.pending, shipped = v.shipped,
       canceled = v.canceled, refunded = v.refunded, name = v.name,
       other_charges = v.other_charges
  FROM jsonb_to_recordset(:lines::jsonb) AS v(store_id int, order_id uuid, line_number text,
       ordered int, pending int, shipped int, canceled int, refunded int, name text,
       other_charges numeric)
 -- mutation: batch-saves-own-lines
 WHERE l.store_id = v.store_id AND l.order_id = v.order_id
   AND l.line_number = v.line_number AND <l> AND <v>
