"""A Walmart that behaves: tokens, orders, shipments and cancellations, with faults on demand.

It imports nothing else of Waybill and keeps its state in memory. Integrators test against it.
"""
