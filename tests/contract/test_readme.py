"""README cannot lie about what there is: every setting, command and error code is in it."""

from pathlib import Path

import pytest
from typer.main import get_command

from app import settings
from app.cli.main import app
from app.domain.orders import blocked_messages, refunds
from app.domain.outbox import retry_policy
from app.domain.outbox.outcome import Failure
from app.simulator.faults import KINDS
from app.storage.queries import commerce_event_views, lane_views
from app.storage.recording import delivery_results
from app.usecases.imports import import_orders_page, import_returns_page
from app.web import export
from app.worker.delivery import (
    commerce_order,
    commerce_outcomes,
    deliver,
    error_messages,
    inventory,
    refund,
    walmart_outcomes,
)

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", settings.variables())
def test_every_setting_is_in_the_readme_with_its_default(name: str) -> None:
    field = settings.Settings.model_fields[name.removeprefix(settings.PREFIX).lower()]
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
    default = row.split("|")[2].strip()
    empty = field.default in (None, [])
    assert default == ("none" if empty else f"`{field.default}`")


def test_the_readme_names_no_setting_that_is_none() -> None:
    named = {line.split("`")[1] for line in README.splitlines() if line.startswith("| `WAYBILL_")}
    assert named == set(settings.variables())


def test_every_command_is_in_the_readme() -> None:
    group = get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        for part in getattr(command, "commands", None) or [""]:
            assert f"waybill {name} {part}".strip() in README, (name, part)


def test_every_code_of_a_status_detail_is_in_the_readme_and_no_other() -> None:
    known = error_messages.FIELD_CODES | error_messages.CLASS_CODES | set(lane_views.REASONS)
    known |= {code for _, code in commerce_outcomes.CODES}
    with_failures = (
        blocked_messages,
        walmart_outcomes,
        deliver,
        delivery_results,
        inventory,
        refund,
        retry_policy,
    )
    for module in (*with_failures, commerce_outcomes, commerce_order):
        known |= {each.code for each in vars(module).values() if isinstance(each, Failure)}
    known |= {"gave_up", "cancel_requested", "ship_by_near", "ship_by_passed"}
    known |= {str(each.UNREADABLE["code"]) for each in (import_orders_page, import_returns_page)}
    known |= {refunds.CHANGED} | set(commerce_event_views.SUGGESTIONS)
    table = README.split("## What an error means, and what to do")[1].split("##")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    told = {code for row in rows for code in row.split("|")[1].split("`")[1::2]}
    assert told == known


def test_every_fault_of_the_simulator_is_in_the_readme() -> None:
    assert all(kind in README for kind in KINDS)


def test_every_path_of_the_readme_is_one_of_the_api() -> None:
    known = export.document()["paths"]
    for path in (
        "/v1/orders/{order_id}/timeline",
        "/v1/updates/{update_id}",
        "/v1/stores/{store_id}",
    ):
        assert path in README
        assert path in known


def test_every_file_of_the_table_exists() -> None:
    table = README.split("## Where do I change …?")[1].split("##")[0]
    for line in table.splitlines():
        for part in line.split("`")[1::2]:
            if part.startswith("app/"):
                assert (ROOT / part).exists(), part


def test_the_image_listens_where_its_health_check_asks() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    serve = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    port = next(option.default for option in serve.params if option.name == "port")
    assert f"EXPOSE {port}" in dockerfile
    assert f"127.0.0.1:{port}/livez" in dockerfile
