"""Events, webhooks and calls of Commerce, turned into shipments, refunds and cancellations.

Start with `handle.py`.
"""
