"""Rules of orders: shipments, cancellations, tracking corrections, returns and refunds.

Start with `order.py` (the model) and `snapshot.py` (the order as Walmart shows it). A request is
checked by `shipping.py`, `cancellation.py`, `tracking_correction.py` or `refund_plan.py`. After a
read, `readback.py` finds the units of an update in the snapshot, `settlement.py` applies the
snapshot to the order, and `drift.py` names what differs.
"""
