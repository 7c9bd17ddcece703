"""The only part that knows PostgreSQL: transactions, tables, statements.

There is a folder for each noun. `postgres/` has the connections, and `postgres/sql.py` explains how
the `.sql` files beside the modules are read. Rules that need no I/O are in `app/domain`.
"""
