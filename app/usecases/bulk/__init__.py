"""Shipments and cancellations from a file. Each row is checked and accepted by itself.

`rows.py` reads the file, `run.py` carries the rows out. Start reading with `run.py`.
"""
