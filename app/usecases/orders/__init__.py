"""Ship, cancel, correct a tracking number, preview and refresh one order.

Start reading with `ship.py`.
"""
