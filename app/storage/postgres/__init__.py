"""PostgreSQL itself: pool, sessions, transactions, errors, migrations, the embedded server.

Nothing here knows orders or updates. Start with `database.py`.
"""
