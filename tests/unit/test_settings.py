from pathlib import Path

import pytest

from app import settings
from app.settings import BadSettings

# Fixed, because pytest-xdist workers must collect the same test ids.
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> pytest.MonkeyPatch:
    """An environment without settings, not even those of a `.env` beside the tests."""
    import os

    for name in list(os.environ):
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(str(tmp_path))
    return monkeypatch


def test_the_defaults_are_those_of_the_contract(environment: pytest.MonkeyPatch) -> None:
    del environment
    loaded = settings.load()
    assert loaded.database_url is None
    assert loaded.walmart_base_url == "https://marketplace.walmartapis.com"
    assert (loaded.walmart_timeout, loaded.lease, loaded.quiet_period) == (30, 90, 120)
    assert (loaded.retry_base, loaded.retry_cap, loaded.give_up_after) == (1, 900, 172_800)
    assert (loaded.poll_interval, loaded.import_interval) == (5, 60)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WAYBILL_LEASE", "74", "must be at least 75"),
        ("WAYBILL_LEASE", "soon", "WAYBILL_LEASE: "),
        ("WAYBILL_WALMART_TIMEOUT", "-1", "WAYBILL_WALMART_TIMEOUT: "),
        ("WAYBILL_ENCRYPTION_KEYS", "short", "not a Fernet key"),
        ("WAYBILL_ENCRYPTION_KEYS", f"{KEY},short", "not a Fernet key"),
        ("WAYBILL_DATABASE_URL", "mysql://x", "postgresql://"),
        ("WAYBILL_WALMART_BASE_URL", "walmart", "WAYBILL_WALMART_BASE_URL: "),
        ("WAYBILL_DATABASE_POOLER", "session", "WAYBILL_DATABASE_POOLER: "),
        ("WAYBILL_ADMIN_KEY", "short", "at least 20"),
        ("WAYBILL_RETRY_CAP", "0.5", "WAYBILL_RETRY_CAP"),
        ("WAYBILL_WALMART_RATES", "{", "WAYBILL_WALMART_RATES"),
        ("WAYBILL_WALMART_RATES", '{"shipping": 60}', "'shipping' is none of"),
        ("WAYBILL_WALMART_RATES", '{"ship": 0}', "ship needs a number above 0"),
        ("WAYBILL_LEESE", "90", "Did you mean WAYBILL_LEASE?"),
        ("waybill_leese", "90", "Did you mean WAYBILL_LEASE?"),
        ("WAYBILL_DATABASE_DIRECT_URL", "embedded", "WAYBILL_DATABASE_DIRECT_URL: "),
        ("WAYBILL_DATABASE_DIRECT_URL", "mysql://x", "WAYBILL_DATABASE_DIRECT_URL: "),
        ("WAYBILL_IMPORT_INTERVAL", "-1", "WAYBILL_IMPORT_INTERVAL: "),
        ("WAYBILL_QUIET_PERIOD", "nan", "WAYBILL_QUIET_PERIOD: "),
    ],
)
def test_an_invalid_value_is_one_line_that_names_its_setting(
    environment: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(BadSettings, match=r"^[^\n]+$") as refused:
        settings.load()
    assert said in str(refused.value)


def test_the_environment_overrides_the_file(
    environment: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("WAYBILL_LEASE=100\nWAYBILL_POLL_INTERVAL=9\nPOSTGRES_PASSWORD=x\n")
    environment.setenv("WAYBILL_POLL_INTERVAL", "2")
    loaded = settings.load()
    assert (loaded.lease, loaded.poll_interval) == (100, 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"WAYBILL_LEESE=100\n", "which .env sets, is not a setting"),
        (b"WAYBILL_LEASE=10\n", "must be at least 75"),
        (b"WAYBILL_ADMIN_KEY=\xff\xfe\n", ".env cannot be read"),
    ],
)
def test_an_invalid_line_of_the_file_is_one_line_too(
    environment: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    del environment
    Path(".env").write_bytes(content)
    with pytest.raises(BadSettings, match=r"^[^\n]+$") as refused:
        settings.load()
    assert said in str(refused.value)


def test_an_invalid_secret_is_not_repeated(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAYBILL_DATABASE_URL", "postgresql://me:canary@host:port/x")
    with pytest.raises(BadSettings) as refused:
        settings.load()
    assert "canary" not in str(refused.value)


def test_keys_are_split_and_secrets_are_hidden(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAYBILL_ENCRYPTION_KEYS", f"{KEY}, {KEY}")
    environment.setenv("WAYBILL_DATABASE_URL", "postgresql://me:canary@host/x")
    loaded = settings.load()
    assert loaded.keys == [KEY, KEY]
    assert KEY not in repr(loaded)
    assert "canary" not in repr(loaded)


def test_a_required_setting_has_no_default(environment: pytest.MonkeyPatch) -> None:
    del environment
    loaded = settings.load()
    with pytest.raises(BadSettings, match="WAYBILL_DATABASE_URL is not set"):
        loaded.required_database_url()
    with pytest.raises(BadSettings, match="WAYBILL_ENCRYPTION_KEYS is not set"):
        loaded.required_keys()


def test_an_empty_value_counts_as_not_set(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAYBILL_ADMIN_KEY", "")
    environment.setenv("WAYBILL_ENCRYPTION_KEYS", "")
    loaded = settings.load()
    assert loaded.admin_key is None
    with pytest.raises(BadSettings, match="WAYBILL_ENCRYPTION_KEYS is not set"):
        loaded.required_keys()
