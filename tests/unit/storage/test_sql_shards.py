"""Shapes of statements that Citus refuses, each by a rule: the tables may be sharded by store.

A cluster is not needed for this. `make test-citus` runs the statements on one.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FOLDER = Path("app/storage")
_COMMENT = re.compile(r"--[^\n]*")
_LITERAL = re.compile(r'(?:Statement|ShardedQuery|ShardedCommand)\(\s*f?"""(.*?)"""', re.DOTALL)
_CLAUSE = (
    r"(?=\b(?:WHERE|FROM|RETURNING|SET)\b|\Z|\)\s*(?:,\s*\w+ AS\b|SELECT\b|UPDATE\b|INSERT\b))"
)
# A time that the coordinator computes once, and sends as a value.
_PLAIN_TIME = re.compile(
    r"= now\(\)(?:\s*\+\s*(?:make_interval\(\w+ => :\w+(?:::\w+)?\)|interval '[^']*'))?\s*(?:,|$)"
)
# Statements for one server, each with another one for several (sharding.py: AllShardsQuery, Sweep), or in
# which index_scan_sql.py names the store by a value.
_OF_ONE_SERVER = {
    "list_due_groups.sql",
    "list_stores_with_events.sql",
    "take_notifications.sql",
    "scan_index.sql",
    "scan_index_checked.sql",
    "scan_index_count.sql",
    "scan_index_few.sql",
}


def _statements() -> Iterator[tuple[str, str]]:
    for path in sorted(FOLDER.rglob("*.sql")):
        yield path.name, _COMMENT.sub("", path.read_text())
    for path in sorted(FOLDER.rglob("*.py")):
        for number, text in enumerate(_LITERAL.findall(path.read_text())):
            yield f"{path.name}:{number}", text


def _clauses(text: str, begin: str) -> Iterator[str]:
    for found in re.finditer(rf"\b{begin}\b(.*?){_CLAUSE}", text, re.DOTALL):
        yield " ".join(found[1].split())


def _simple_case(text: str) -> bool:
    return bool(re.search(r"\bCASE\s+(?!WHEN\b)", text))


def _time_of_a_conflict(text: str) -> bool:
    return any(
        re.search(r"\bnow\(|_timestamp\(", each) for each in _clauses(text, "DO UPDATE\\s+SET")
    )


def _time_of_a_row_returned(text: str) -> bool:
    return any("now()" in each for each in _clauses(text, "RETURNING"))


def _time_computed_in_an_update(text: str) -> bool:
    # Citus evaluates a time by itself, not one under a condition or computed from a column.
    return any("now()" in _PLAIN_TIME.sub("", each) for each in _clauses(text, "SET"))


def _store_of_another_row(text: str) -> bool:
    selected = re.findall(
        r"INSERT INTO \w+(?: AS \w+)?\s*\(\s*store_id\b[^)]*\)\s*(?:OVERRIDING SYSTEM VALUE\s+)?"
        r"SELECT\s+([^,]+),",
        text,
    )
    values = r":store_id(::int)?|CAST\(:store_id AS int\)|<\w+\.store_id>"
    return any(not re.fullmatch(values, each) for each in selected if "unnest(:stores" not in text)


def _limit_for_each_store_of_a_reference_table(text: str) -> bool:
    each_store = re.search(r"FROM stores (?:AS )?\w+\s+CROSS JOIN LATERAL", text)
    return bool(each_store) and not re.search(r"<\w+\.store_id>", text)


RULES: dict[str, tuple[Callable[[str], bool], str]] = {
    "no CASE of a value": (
        _simple_case,
        "it reaches a worker as CASE x WHEN (x = y): operator does not exist: text = boolean",
    ),
    "no time in DO UPDATE SET": (
        _time_of_a_conflict,
        (
            "functions used in the DO UPDATE SET clause … must be marked IMMUTABLE: give the time with"
            " the row, and take it from excluded"
        ),
    ),
    "no time in RETURNING": (
        _time_of_a_row_returned,
        "non-IMMUTABLE functions are not allowed in the RETURNING clause",
    ),
    "no time that an UPDATE computes": (
        _time_computed_in_an_update,
        (
            "STABLE functions used in UPDATE queries cannot be called with column references; …not"
            " allowed in CASE or COALESCE statements: compute it in the FROM"
        ),
    ),
    "the store of an INSERT is a value": (
        _store_of_another_row,
        "no error, but it is written on every shard (Task Count: 64)",
    ),
    "no limit for each row of stores": (
        _limit_for_each_store_of_a_reference_table,
        (
            "Limit clause is currently unsupported when a lateral subquery references a column from a"
            " reference table: go from lanes, which has each store once as '*'"
        ),
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_no_statement_has_a_shape_that_citus_refuses(rule: str) -> None:
    refused, why = RULES[rule]
    assert [name for name, text in _statements() if refused(text)] == [], why


def test_a_recursion_names_its_store_or_has_another_form_for_several_servers() -> None:
    """Citus: recursive CTEs are only supported with a filter on the distribution column."""
    recursive = {name: text for name, text in _statements() if "WITH RECURSIVE" in text}
    without = {name for name, text in recursive.items() if not re.search(r"<\w+\.store_id>", text)}
    assert without | {"scan_index.sql"} <= _OF_ONE_SERVER | {"scan_index.sql"}
    assert set(recursive) >= _OF_ONE_SERVER


def test_no_time_is_given_to_a_conflict_or_a_condition_by_sqlalchemy() -> None:
    modules = {path.name: path.read_text() for path in sorted(FOLDER.rglob("*.py"))}
    assert len(modules) > 90
    # A call is not parsed: the words are near each other.
    near = re.compile(
        r"on_conflict_do_update\((?:[^()]|\([^()]*\)){0,400}func\.now"
        r"|func\.(?:coalesce|greatest|least)\([^()]*,\s*sa\.func\.now"
    )
    assert [name for name, text in modules.items() if near.search(text)] == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("no CASE of a value", "UPDATE t SET a = CASE b WHEN 'x' THEN 1 END"),
        (
            "no time in DO UPDATE SET",
            "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET at = now() RETURNING a",
        ),
        ("no time in RETURNING", "UPDATE t SET a = 1 RETURNING a, now() AS at"),
        (
            "no time that an UPDATE computes",
            "UPDATE t SET a = now() + make_interval(secs => t.tries) WHERE b = 1",
        ),
        ("no time that an UPDATE computes", "UPDATE t SET a = coalesce(a, now()) WHERE b = 1"),
        (
            "the store of an INSERT is a value",
            "INSERT INTO t (store_id, id) SELECT o.store_id, o.id FROM orders o",
        ),
        (
            "no limit for each row of stores",
            "SELECT 1 FROM stores s CROSS JOIN LATERAL (SELECT 1 FROM t LIMIT 1) u",
        ),
    ],
)
def test_each_rule_sees_its_shape(rule: str, text: str) -> None:
    assert RULES[rule][0](text)
