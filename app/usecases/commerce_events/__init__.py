"""Commerce's webhooks and I/O Events, carried out as shipments, refunds and cancellations.

An event that cannot be carried out is kept with its order; one without a known order waits.

Start reading with `handle.py`.
"""
