-- The groups of an index scan as far as a list fixes their values.
SELECT s.store_id{{names}} FROM {{stores}} s{{wanted}}
