"""Settings: environment variables (or lines of `.env`), read once and validated at start.

Only entry points use this module; everything else takes plain arguments.
"""

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    SettingsConfigDict,
)

from app.domain.outbox.rate_limits import WRITTEN_TO, Endpoint
from app.endings import CannotGoOn
from app.http_client.ssrf_guard import ALLOW, DENY, AddressGuard
from app.storage.postgres.dsn import sqlalchemy_url
from app.storage.stores.secrets import SecretCipher

PREFIX = "WAYBILL_"
EMBEDDED = "embedded"
# Seconds that a lease needs besides two time-outs of Walmart's, for reads and for recording.
LEASE_MARGIN = 15
# The endpoints that may have an own cap, and the most calls a minute.
_CAPPED = sorted({Endpoint.ALL, Endpoint.READ, *WRITTEN_TO.values()})
MOST_CALLS = 60_000
_FUZZY = 60
_Seconds = Annotated[float, Field(gt=0, le=31_536_000)]


class BadSettings(CannotGoOn):
    """A setting is missing or wrong. The message is one line: which one, and what to do."""

    exit_code = 2


class Settings(BaseSettings):
    """The settings. The variable of each is its name with WAYBILL_; durations are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    database_url: SecretStr | None = Field(
        default=None, description="postgresql://… over TCP or a unix socket, or `embedded`."
    )
    data_dir: Path = Field(
        default=Path(".waybill"), description="Where the embedded database lives."
    )
    walmart_base_url: str = Field(
        default="https://marketplace.walmartapis.com",
        pattern=r"^https?://[^\s]+$",
        description="Walmart, its sandbox, or the simulator.",
    )
    encryption_keys: Annotated[list[SecretStr], NoDecode] = Field(
        default=[], description="Fernet keys, newest first, separated by commas."
    )
    admin_key: SecretStr | None = Field(
        default=None, description="A bootstrap API key with every scope."
    )
    walmart_timeout: _Seconds = Field(
        default=30, description="Deadline of one call to Walmart, its token included."
    )
    poll_interval: _Seconds = Field(
        default=5, description="Time between polls when no notification arrives."
    )
    survey_interval: _Seconds = Field(
        default=1, description="On a cluster: least time between two statements of all shards."
    )
    give_up_after: _Seconds = Field(
        default=172_800,
        description="How long tries that reach Walmart may fail before the update fails.",
    )
    retry_base: _Seconds = Field(default=1, description="The first wait between tries.")
    retry_cap: _Seconds = Field(default=900, description="The longest wait between tries.")
    lease: _Seconds = Field(
        default=90, description="How long an update stays with a poller that stopped answering."
    )
    quiet_period: _Seconds = Field(
        default=120, description="Time after an unclear write before its absence is believed."
    )
    ship_by_warning: Annotated[float, Field(ge=0, le=31_536_000)] = Field(
        default=14_400, description="People are warned so long before an order's ship-by time."
    )
    reconcile_interval: Annotated[float, Field(ge=0, le=31_536_000)] = Field(
        default=3600, description="Time between reconciliations of a store; 0 turns them off."
    )
    walmart_rates: dict[str, float] | None = Field(
        default=None, description="Own caps: endpoints to calls a minute of each store, as JSON."
    )
    database_pooler: Literal["none", "transaction"] = Field(
        default="none", description="`transaction` behind PgBouncer in transaction mode."
    )
    database_direct_url: SecretStr | None = Field(
        default=None, description="A direct connection for LISTEN and migrate behind a pooler."
    )
    migration_url: SecretStr | None = Field(
        default=None,
        description="The database as the role that owns the tables, for migrate alone.",
    )
    database_pool_size: Annotated[int, Field(ge=2, le=200)] = Field(
        default=10,
        description="Connections of one process; an API opens as many again, and a few beside.",
    )
    poller_concurrency: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=50, description="Deliveries that one poller has under way at once."
    )
    notification_private_networks: str = Field(
        default=DENY,
        description="Private networks that notifications may go to: allow, deny, or CIDRs.",
    )
    commerce_private_networks: str = Field(
        default=ALLOW,
        description="Private networks in which a store's Commerce may be: allow, deny, or CIDRs.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        description="Public address of the API, for links in notifications.",
    )
    frame_ancestors: str | None = Field(
        default=None,
        pattern=r"^https://[^\s;,'*]+( https://[^\s;,'*]+)*$",
        description="Origins that may show the page in a frame, separated by blanks.",
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default=[],
        description="Networks of proxies that name the client in X-Forwarded-For, with commas.",
    )
    api_rate: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=200, description="Requests a second of each API key, in each process; 0 for any."
    )
    api_burst: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=2000, description="Requests of an API key that may come at once."
    )
    request_timeout: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=120, description="Time until the answer to a request begins; 0 for any."
    )
    demo_simulator: str | None = Field(
        default=None,
        pattern=r"^http://(127\.0\.0\.1|localhost)(:\d{1,5})?$",
        description="The simulator that the page's strip controls. Only `waybill demo` sets it.",
    )
    import_interval: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=60, description="Time between imports of a store's orders; 0 turns them off."
    )
    retain_updates: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=90, description="Days after which updates at rest are archived; 0 for never."
    )
    retain_attempts: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=90, description="Days that the tries of finished updates are kept; 0 for ever."
    )
    retain_orders: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=0, description="Days without a change that finished orders are kept; 0 for ever."
    )
    retain_returns: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=0, description="Days without a change that finished returns are kept; 0 for ever."
    )
    retain_events: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=0, description="Days that timelines of finished orders are kept; 0 for ever."
    )
    retain_idempotency_keys: Annotated[int, Field(ge=7, le=36_500)] = Field(
        default=7, description="Days after which answers under an Idempotency-Key are deleted."
    )
    retain_audit: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=400, description="Days that the audit is kept; 0 for ever."
    )
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] | None = Field(
        default=None,
        description="TCP port of /metrics alone, which is then not on the API's own port.",
    )
    drain_delay: Annotated[float, Field(ge=0, le=300)] = Field(
        default=0, description="Time from SIGTERM to the stop of an API, which is not ready then."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much is logged."
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="A JSON object a line, or text for people."
    )

    @field_validator("encryption_keys", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:  # noqa: ANN401 - text or a list
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _fernet(cls, value: list[SecretStr]) -> list[SecretStr]:
        if value:
            try:
                SecretCipher([key.get_secret_value() for key in value])
            except ValueError as error:
                raise ValueError(
                    "one is not a Fernet key (32 bytes in url-safe base64); make one with "
                    "python -c 'from cryptography.fernet import Fernet; "
                    "print(Fernet.generate_key().decode())'"
                ) from error
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for each in value:
            try:
                ip_network(each)
            except ValueError as error:
                raise ValueError(f"{each!r} is no network such as 10.0.0.0/8: {error}") from error
        return value

    @field_validator("database_url", "database_direct_url", "migration_url")
    @classmethod
    def _url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value() != EMBEDDED:
            sqlalchemy_url(value.get_secret_value())
        return value

    @field_validator("database_direct_url", "migration_url")
    @classmethod
    def _an_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value() == EMBEDDED:
            raise ValueError("an embedded database needs none; leave it out")
        return value

    @field_validator("admin_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 20:  # noqa: PLR2004 - said below
            raise ValueError("it needs at least 20 characters")
        return value

    @field_validator("notification_private_networks", "commerce_private_networks")
    @classmethod
    def _of_networks(cls, value: str) -> str:
        try:
            AddressGuard.of(value)
        except ValueError as error:
            wanted = f"{ALLOW}, {DENY}, or networks separated by commas, such as 10.1.0.0/16"
            raise ValueError(f"{error}; give {wanted}") from error
        return value

    @field_validator("walmart_rates")
    @classmethod
    def _of_endpoints(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        for name, rate in (value or {}).items():
            if name not in _CAPPED:
                raise ValueError(f"{name!r} is none of {', '.join(_CAPPED)}")
            if not 0 < rate <= MOST_CALLS:
                raise ValueError(f"{name} needs a number above 0, at most {MOST_CALLS}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        least = 2 * self.walmart_timeout + LEASE_MARGIN
        if self.lease < least:
            raise ValueError(
                f"WAYBILL_LEASE ({self.lease:g}) must be at least {least:g}: twice "
                f"WAYBILL_WALMART_TIMEOUT plus {LEASE_MARGIN}, or two pollers could send the same"
            )
        if self.retry_cap < self.retry_base:
            raise ValueError("WAYBILL_RETRY_CAP must not be less than WAYBILL_RETRY_BASE")
        return self

    @property
    def keys(self) -> list[str]:
        """The encryption keys in clear."""
        return [key.get_secret_value() for key in self.encryption_keys]

    def required_database_url(self) -> str:
        """Return the database URL. Raises BadSettings if it is not set: there is no default."""
        if self.database_url is None:
            raise BadSettings(
                "WAYBILL_DATABASE_URL is not set: give a postgresql:// address, or the word "
                "`embedded` for a PostgreSQL in WAYBILL_DATA_DIR (only for trying out)."
            )
        return self.database_url.get_secret_value()

    def required_keys(self) -> list[str]:
        """Return the encryption keys. Raises BadSettings if none is set."""
        if not self.keys:
            raise BadSettings(
                "WAYBILL_ENCRYPTION_KEYS is not set: make a key with python -c 'from "
                "cryptography.fernet import Fernet; print(Fernet.generate_key().decode())' and "
                "keep it safe, for store secrets cannot be read without it."
            )
        return self.keys


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises BadSettings for the first one that is wrong."""
    _refuse_unknown(os.environ if environment is None else environment)
    try:
        _refuse_unknown(DotEnvSettingsSource(Settings).env_vars, ", which .env sets,")
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"The file .env cannot be read: {error}.") from error
    except ValidationError as error:
        raise BadSettings(_line(error)) from error


def variables() -> list[str]:
    """Return the name of every variable."""
    return [PREFIX + name.upper() for name in Settings.model_fields]


def _refuse_unknown(given: Mapping[str, str | None], where: str = "") -> None:
    known = variables()
    # Names are not case-sensitive, and those from .env are in lower case.
    for name in sorted(name.upper() for name in given):
        if name.startswith(PREFIX) and name not in known:
            # For a mistake only: most processes never make one.
            from rapidfuzz import process  # noqa: PLC0415

            near = process.extractOne(name, known, score_cutoff=_FUZZY)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise BadSettings(f"{name}{where} is not a setting of Waybill.{hint}")


def _line(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    message = str(first["msg"]).removeprefix("Value error, ")
    if not first["loc"]:
        return f"{message}."
    return f"{PREFIX}{str(first['loc'][0]).upper()}: {message[:1].lower()}{message[1:]}."
