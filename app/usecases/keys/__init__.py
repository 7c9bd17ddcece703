"""API keys: created, rotated and revoked, by an API key, a person or a command.

Start with `create.py`.
"""
