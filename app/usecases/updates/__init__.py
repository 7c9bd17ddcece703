"""Updates of the outbox: retry one or many, dismiss one, read what an update is about.

Start reading with `retry.py`.
"""
