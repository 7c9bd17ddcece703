"""compose.yaml hands every setting on, so that a line of .env has an effect there."""

import re
from pathlib import Path

import yaml

from app import settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
# No container has the folder of an embedded database; the other is set by `waybill demo` only.
NOT_HANDED_ON = {"WAYBILL_DATA_DIR", "WAYBILL_DEMO_SIMULATOR"}


def test_every_setting_is_handed_on_to_each_service_that_reads_it() -> None:
    # The migration connects as the role that owns the tables, and no other service can.
    owner = {"WAYBILL_MIGRATION_URL"}
    assert set(COMPOSE["services"]["migrate"]["environment"]) == owner
    for name in ("api", "poller"):
        given = COMPOSE["services"][name]["environment"]
        own = {variable for variable in given if variable.startswith(settings.PREFIX)}
        assert own == set(settings.variables()) - NOT_HANDED_ON - owner, name
        # Waybill's own default holds where neither .env nor compose.yaml has a value.
        valued = {variable for variable, value in given.items() if value is not None}
        assert valued == {
            "WAYBILL_DATABASE_URL",
            "WAYBILL_ENCRYPTION_KEYS",
            "WAYBILL_ADMIN_KEY",
            "WAYBILL_WALMART_BASE_URL",
            # A container is behind a load balancer, a developer's API is not.
            "WAYBILL_DRAIN_DELAY",
        }


def test_every_setting_of_opentelemetry_that_is_documented_is_handed_on() -> None:
    named = set(re.findall(r"\bOTEL_[A-Z_]+", (ROOT / "docs" / "operations.md").read_text()))
    assert named
    for name in ("api", "poller"):
        assert named <= set(COMPOSE["services"][name]["environment"]), name
