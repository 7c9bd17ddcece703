-- The stock levels q that a statement is given.
jsonb_to_recordset(:levels::jsonb) AS q(id uuid, subject text, former text, sku text, ship_node text,
                                        payload jsonb, given_at timestamptz)
