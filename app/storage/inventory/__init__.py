"""Stock levels: their updates, and the cancellations and refunds that make a level due.

Start with `levels.py`; `triggers.py` puts the levels that follow what Walmart has confirmed.
"""
