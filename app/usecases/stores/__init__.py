"""Stores: connect, validate and change a store, set stock, receive Walmart's webhooks.

Start reading with `manage.py`.
"""
