"""The importer: reads orders and returns from Walmart, page by page, within its rate limits.

`lists.py` has the lists of a store, `list_reader.py` how one is read on from its cursor, and
`webhook_events.py` what Walmart announced between two runs. Every read takes the store's rate
limits (`rate_limited_reader.py`), and an import also holds a lease of the store
(`leased_reader.py`). What an order or a return becomes is decided in `usecases/imports`; nothing
here writes to Walmart. Start with `importer.py`.
"""
