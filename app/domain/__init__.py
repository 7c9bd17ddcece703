"""The rules: what may be asked, what a read proves, and what becomes of an update.

Standard library only: no SQL, no HTTP status, no framework, and the time is passed in. Start with
`update.py` (the states of an update) and `orders/order.py` (what every rule looks at).
"""
