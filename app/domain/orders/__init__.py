"""Rules of orders: shipments, cancellations, tracking corrections, returns and refunds.

`order.py` is the model, `snapshot.py` the order as Walmart shows it. `readback.py` tells what
Walmart has of an update; `settlement.py` brings an order in line with a snapshot.
"""
