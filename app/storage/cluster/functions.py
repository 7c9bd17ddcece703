"""Functions that run on the server of a store's rows, where tables are distributed (Citus).

A call goes to that server as it is, in one round trip. Within it each statement is of one table,
which Citus plans without a search; so what would be several statements from the coordinator costs
a fraction. One server does not need them: `waybill distribute` and `waybill migrate` make them on
a cluster only.

A function's name has a digest of its text. A release that changes one makes another beside it, so
processes of both releases find theirs.
"""

import hashlib

import sqlalchemy as sa

from app.storage.postgres import sql


class StoreFunction:
    """A function of a store and a JSON value, which returns a JSON value.

    path: its SQL file, with {{name}} for its name. pieces: of the file, as for `sql.read`.
    """

    def __init__(self, path: str, **pieces: str) -> None:
        digest = hashlib.sha256(sql.read(path, name="", **pieces).encode()).hexdigest()[:8]
        self._name = f"{path.rpartition('/')[2].removesuffix('.sql')}_{digest}"
        self.definition = sql.read(path, name=f"public.{self._name}", **pieces)
        """The statement that makes it on the server that is asked."""
        self.call = f"SELECT public.{self._name}($1, $2) AS answer"
        """The statement that calls it; $1 is the store."""

    def make(self, connection: sa.Connection) -> None:
        """Make it on every node, unless it is there."""
        signature = f"public.{self._name}(int, jsonb)"
        there = f"SELECT to_regprocedure('{signature}') IS NOT NULL"
        if connection.exec_driver_sql(there).scalar_one():
            return
        connection.exec_driver_sql(self.definition)
        connection.exec_driver_sql(
            f"SELECT create_distributed_function('{signature}', 'of_store', "
            "colocate_with => 'public.orders')"
        )
