"""The use cases: what a person, Commerce or Walmart can ask for, one file for each verb.

A use case asks the rules and writes in one transaction. `context.py` holds what all of them work
with; start with `orders/ship.py`.
"""
