"""Outgoing HTTP: transport, one request with its evidence, redaction, and the SSRF guard.

Start with `exchange.py` (one request and its `call.py`, the evidence). Below it is `transport.py`
(httpx's interface on aiohttp); every body passes `redaction.py`. Nothing here knows Walmart or
Commerce.
"""
