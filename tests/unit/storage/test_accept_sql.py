"""The function that accepts on a shard writes what the statement of one server writes."""

import re

from app.storage.postgres import sql

_INSERT = re.compile(r"INSERT INTO (\w+)\s*\(([^)]*)\)")
_ROWS = re.compile(r"jsonb_to_recordset\((?::|v\.)(\w+)(?:::jsonb)?\)\s*AS \w+\(([^)]*)\)")
_PARTS = ("shipments", "cancellations", "refunds")


def _names(text: str) -> set[str]:
    return {each.split()[0] for each in text.split(",")}


def test_the_function_of_a_shard_writes_the_columns_that_one_server_writes() -> None:
    of_one = "\n".join(
        [
            sql.read("orders/accept.sql", guard="", parts="", result=""),
            *(sql.read(f"orders/accept_{each}.sql") for each in _PARTS),
            sql.read("store_response.sql", accepted="", rest=""),
        ]
    )
    function = sql.read("orders/accept_changes.sql", name="f")
    for found, own in ((_INSERT, {"n"}), (_ROWS, {"n", "store_id"})):
        expected = {table: _names(columns) - own for table, columns in found.findall(of_one)}
        written = {table: _names(columns) - own for table, columns in found.findall(function)}
        assert written == expected
        assert len(written) >= 5
