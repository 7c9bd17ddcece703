"""The use cases: what a person, Commerce or Walmart can ask for. A folder a noun, a file a verb.

A use case asks the rules of `domain`, and writes the record, its update and the answer in one
transaction. It calls Walmart or Commerce only between transactions. It knows no HTTP status and no
SQL. `context.py` holds what all use cases work with, `walmart_reader.py` is how they read Walmart,
and `read_order.py` reads one order. Start reading with `orders/ship.py`.

    request ─▶ rules (domain) ─▶ one transaction (storage) ─▶ wake the pollers
"""
