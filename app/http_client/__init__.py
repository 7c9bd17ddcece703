"""Outgoing HTTP: transport, one request with its evidence, redaction, and the SSRF guard.

Start with `exchange.py` (one request and its `call.py`, the evidence). Below it is `transport.py`
(httpx's interface on aiohttp); every body passes `redaction.py`. `failure_table.py` says what
follows from each kind of failure (429, 401, 5xx, silence); the kind is decided by
`walmart/errors.py` and `commerce/errors.py`. `webhook_sender.py` sends error notifications. Nothing
here knows Walmart or Commerce.
"""
