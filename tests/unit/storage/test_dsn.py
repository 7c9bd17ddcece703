"""Where a database address leads, for SQLAlchemy and for asyncpg alike."""

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
    """What SQLAlchemy's dialect would hand to asyncpg.connect for this address."""
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
def test_sqlalchemy_and_asyncpg_are_sent_to_the_same_place(
    url: str, expected: dict[str, object]
) -> None:
    direct = asyncpg_arguments(url)
    if str(expected.get("host", "")).startswith("/"):
        direct.setdefault("port", 5432)
    assert direct == expected
    assert arguments_of_sqlalchemy(url) == expected


def test_a_password_with_special_characters_arrives_as_it_is() -> None:
    url = "postgresql://me:p%40ss%2Fw%3Ard%25%2B+%20@db.example/waybill"
    assert asyncpg_arguments(url)["password"] == "p@ss/w:rd%++ "
    assert arguments_of_sqlalchemy(url)["password"] == "p@ss/w:rd%++ "


def test_the_address_for_sqlalchemy_survives_being_written_and_read_again() -> None:
    url = sqlalchemy_url("postgresql://me:p%40ss@/waybill?host=/run/post gres&port=5433")
    assert make_url(url.render_as_string(hide_password=False)) == url


def test_a_password_is_hidden_where_the_address_is_printed() -> None:
    assert "s3cret" not in repr(sqlalchemy_url("postgresql://me:s3cret@db.example/waybill"))


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_cannot_be_honoured_whole_is_refused(url: str) -> None:
    with pytest.raises(BadDatabaseUrl):
        asyncpg_arguments(url)
    with pytest.raises(BadDatabaseUrl):
        sqlalchemy_url(url)


def test_a_refusal_never_repeats_the_password() -> None:
    with pytest.raises(BadDatabaseUrl) as refusal:
        sqlalchemy_url("postgresql://me:s3cret@db.example/waybill?sslcert=mine.pem")
    assert "s3cret" not in str(refusal.value)
    assert "sslcert" in str(refusal.value)


def test_a_root_certificate_in_the_address_is_told_where_it_belongs() -> None:
    with pytest.raises(BadDatabaseUrl, match="PGSSLROOTCERT"):
        asyncpg_arguments("postgresql://db.example/waybill?sslrootcert=root.pem")
