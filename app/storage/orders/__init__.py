"""Orders and their lines: locked, changed, created, counted; shipments accepted.

Start with `repository.py`.
"""
