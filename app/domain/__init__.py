"""Pure rules: what a request may do, what a read of Walmart proves, what follows a delivery.

Standard library only: no I/O, no SQL, no HTTP status, no framework; `now` is an argument.
Start with `update.py` (the states of an update) and `orders/order.py` (the model of every rule).
"""
