"""Orders and their lines: locks and loads them, accepts changes, saves, creates and counts them.

`accept.py` writes what a request changes of an order: shipments, cancellations, refunds. The result
of a delivery or of a read changes an order in memory, and `save.py` saves it. Start with
`repository.py`, which locks and loads an order, then read `accept.py`.
"""
