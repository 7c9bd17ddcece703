"""Returns as Walmart shows them, and the refunds that are requested for them.

Start with `returns.py`.
"""
