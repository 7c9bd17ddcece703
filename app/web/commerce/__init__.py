"""Paths, bodies and errors of Adobe Commerce's own APIs.

`orders.py` and its neighbours, a module for each noun, serve `/rest/{store_code}/V1` as Commerce's
REST API does, so that an existing client only changes its base URL. `without_meaning.py` refuses
the paths that do not apply to Walmart's orders. `hooks.py` receives Commerce's webhooks and
`io_events.py` Adobe I/O Events, both verified by their signatures. All of them call the use cases
of `/v1`. Start with `orders.py`.
"""
