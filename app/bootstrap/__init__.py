"""Composition root: the only package that wires parts together.

`process.py` opens the database and the clients of any process; `worker.py` composes a poller of
them. Nothing else lives here: no rule, no SQL, no route. Start with `process.opened`.
"""
