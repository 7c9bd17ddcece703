"""The DSN: SQLAlchemy and asyncpg connect to the same database."""

import pytest
from sqlalchemy import make_url

from app.storage.postgres.dsn import BadDatabaseUrl, asyncpg_arguments, sqlalchemy_url

REFUSED = [
    "mysql://user@localhost/waybill",
    "localhost/waybill",
    "postgresql+psycopg://localhost/waybill",
    "postgresql://one.example:5432,two.example:5432/waybill",
    "postgresql://one.example/waybill?host=/run&port=many",
    "postgresql://one.example:99999/waybill",
    "postgresql://one.example/waybill?sslmode=sometimes",
    "postgresql://one.example/waybill?target_session_attrs=read-write",
]


def arguments_of_sqlalchemy(url: str) -> dict[str, object]:
    """Return the arguments that SQLAlchemy's dialect passes to asyncpg.connect for a DSN."""
    target = sqlalchemy_url(url)
    positional, arguments = target.get_dialect()().create_connect_args(target)
    assert not positional
    return dict(arguments)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://waybill:secret@db.example:6432/orders",
            {
                "user": "waybill",
                "password": "secret",
                "host": "db.example",
                "port": 6432,
                "database": "orders",
            },
        ),
        ("postgres://db.example/orders", {"host": "db.example", "database": "orders"}),
        ("postgresql://[::1]:5433/orders", {"host": "::1", "port": 5433, "database": "orders"}),
        (
            "postgresql://postgres@/waybill?host=/srv/Data Dir/a+b",
            {
                "user": "postgres",
                "host": "/srv/Data Dir/a+b",
                "database": "waybill",
                "port": 5432,
            },
        ),
        (
            "postgresql:///waybill?host=%2Fvar%2Frun%2Fpostgresql&port=5433&user=me",
            {"user": "me", "host": "/var/run/postgresql", "database": "waybill", "port": 5433},
        ),
        (
            "postgresql://%2FVar%2Frun/waybill",
            {"host": "/Var/run", "database": "waybill", "port": 5432},
        ),
        (
            "postgresql://me@db.example/waybill?sslmode=verify-full",
            {"user": "me", "host": "db.example", "database": "waybill", "ssl": "verify-full"},
        ),
    ],
)
def test_sqlalchemy_and_asyncpg_connect_to_the_same_database(
    url: str, expected: dict[str, object]
) -> None:
    direct = asyncpg_arguments(url)
    if str(expected.get("host", "")).startswith("/"):
        direct.setdefault("port", 5432)
    assert direct == expected
    assert arguments_of_sqlalchemy(url) == expected


def test_a_password_with_special_characters_is_passed_unchanged() -> None:
    url = "postgresql://me:p%40ss%2Fw%3Ard%25%2B+%20@db.example/waybill"
    assert asyncpg_arguments(url)["password"] == "p@ss/w:rd%++ "
    assert arguments_of_sqlalchemy(url)["password"] == "p@ss/w:rd%++ "


def test_the_sqlalchemy_address_survives_being_written_and_read_again() -> None:
    url = sqlalchemy_url("postgresql://me:p%40ss@/waybill?host=/run/post gres&port=5433")
    assert make_url(url.render_as_string(hide_password=False)) == url


def test_the_password_is_hidden_in_a_printed_address() -> None:
    assert "s3cret" not in repr(sqlalchemy_url("postgresql://me:s3cret@db.example/waybill"))


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_with_unsupported_parts_is_refused(url: str) -> None:
    with pytest.raises(BadDatabaseUrl):
        asyncpg_arguments(url)
    with pytest.raises(BadDatabaseUrl):
        sqlalchemy_url(url)


def test_a_refusal_never_repeats_the_password() -> None:
    with pytest.raises(BadDatabaseUrl) as refusal:
        sqlalchemy_url("postgresql://me:s3cret@db.example/waybill?sslcert=mine.pem")
    assert "s3cret" not in str(refusal.value)
    assert "sslcert" in str(refusal.value)


def test_a_root_certificate_in_the_address_is_refused_with_its_setting() -> None:
    with pytest.raises(BadDatabaseUrl, match="PGSSLROOTCERT"):
        asyncpg_arguments("postgresql://db.example/waybill?sslrootcert=root.pem")
