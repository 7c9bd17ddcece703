"""Metrics for Prometheus: of a process, and of the whole deployment from the database.

Start with `registry.py`. `docs/metrics.md` lists every name.
"""
