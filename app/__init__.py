"""Waybill keeps Walmart Marketplace in step with Adobe Commerce.

Start with `bootstrap/process.py`, which opens a process, and `domain/update.py`, the states of an
update.
"""
