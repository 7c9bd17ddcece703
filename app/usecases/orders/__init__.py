"""Ship, cancel, correct a tracking number, preview and refresh one order.

Start with `ship.py`.
"""
