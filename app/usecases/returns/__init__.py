"""Refund what a buyer returned. Start reading with `refund.py`."""
