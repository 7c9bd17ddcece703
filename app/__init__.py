"""Waybill keeps Walmart Marketplace in step with Adobe Commerce.

Start with `bootstrap.py`, which wires a process, and `domain/update.py`, the states of an update.
"""
