"""Walmart's APIs: the only place that knows Walmart's paths, JSON, headers and error codes.

Start with `client.py` (the order API; it holds the returns, inventory and webhooks APIs).
`api_session.py` makes one call with its token, `order_parser.py` reads an order, `errors.py` says
what a failed call means. Nothing here knows the outbox or the database.
"""
