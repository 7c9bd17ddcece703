"""The webhooks that Walmart calls, in `webhooks.py`."""
