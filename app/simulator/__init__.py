"""Simulator of Walmart, and of a small Commerce, with faults on demand.

Integrators test against it. It imports nothing else of Waybill and keeps its state in memory.
Start with `app.py` (Walmart's endpoints), `operations.py` (what each does) and `world.py` (the
state). `rules.py` holds Walmart's rules, `faults.py` and `misbehaviour.py` the faults, `admin.py`
and its neighbors the routes under /simulator, and `shop.py` the Commerce.
"""
