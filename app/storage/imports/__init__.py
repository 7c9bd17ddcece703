"""State of the imports of orders and returns: leases, cursors, retries, the webhook inbox.

Start with `leases.py` for imports by polling, and with `webhook_inbox.py` for those by webhooks.
"""
