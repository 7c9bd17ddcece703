"""PostgreSQL itself: pools, sessions, transactions, SQL texts, the embedded server, the schema.

Start with `database.py` (a `Database` and its transactions) and `sql.py` (statements).
`sharding.py` has the statements for tables that are distributed by store.
"""
