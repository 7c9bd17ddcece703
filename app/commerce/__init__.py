"""Commerce's APIs: the only place that knows Commerce's REST API, payloads and signatures.

Start with `client.py` (calls to Commerce) and `payloads.py` (webhooks and events from Commerce).
`signatures.py` verifies these; `order_payload.py` builds the order that Commerce gets.
"""
