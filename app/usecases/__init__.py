"""The use cases: what a person, Commerce or Walmart can ask for. A folder a noun, a file a verb.

A use case asks the rules of `domain`, and writes the record, its update and the answer in one
transaction. It calls Walmart or Commerce only between transactions. It knows no HTTP status and no
SQL. `context.py` holds what all use cases work with; start reading with `orders/ship.py`.

    request ─▶ rules (domain) ─▶ one transaction (storage) ─▶ wake the pollers
"""
