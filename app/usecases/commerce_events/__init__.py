"""Commerce's webhooks and I/O Events, carried out as shipments, refunds and cancellations.

An event that cannot be carried out is kept with its order; one without a known order waits.

Start reading with `receive.py`; `carry_out.py` decides what an event does.
"""
