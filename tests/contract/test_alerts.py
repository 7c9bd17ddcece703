"""Alert rules, dashboard, runbook and metrics page agree with each other and with the code."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.domain.outbox.rate_limits import BLOCKED
from app.metrics.registry import Metrics
from app.storage.postgres.database import open_database
from app.storage.queries import OperatorFigures, Throughput

ROOT = Path(__file__).resolve().parents[2]
RULES_FILE = ROOT / "deploy/prometheus/alerts.yml"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for rule in yaml.safe_load(RULES_FILE.read_text())["groups"][0]["rules"]
}
TESTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts_test.yml").read_text())["tests"]
DASHBOARD = json.loads((ROOT / "deploy/grafana/waybill.json").read_text())
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
PAGE = (ROOT / "docs/metrics.md").read_text()
NAME = re.compile(r"\b(?:waybill|process)_[a-z_]+\b")
SELECTOR = re.compile(r"\b((?:waybill|process)_[a-z_]+)\{([^}]*)\}")
# Of the queries of a dashboard, and of what Prometheus adds to each series.
ADDED = {"job", "instance"}
PARTS = ("What it means.", "How to see.", "What to do.", "How to know it is over.")
FIGURES = OperatorFigures(
    at=datetime.now(UTC),
    pollers=1,
    open={("shipment", "pending"): 1},
    queue_depth={"shipment": 1},
    queue_age={"shipment": 1.0},
    urgent={"pending": 1},
    in_doubt=0,
    oldest_doubt=0.0,
    paused={"walmart_throttled": 1},
    tokens={"ship": 1},
    drift={"quantity_changed": 1},
    reconciled=0.0,
    missed=0,
    imported=0.0,
    oldest_transaction=0.0,
    unseen=0,
    unread=0,
    stopped=0,
    notifications_failing=0,
)


def exposed() -> dict[str, set[str]]:
    """Every series that an API exposes: its name and its labels."""
    database = open_database("postgresql://x@127.0.0.1:9/x")
    metrics = Metrics(database, "1.2.3", started_at=datetime.now(UTC))
    metrics.request("GET", "/v1/orders", 200, 0.01)
    metrics.process.show_requests_left(lambda: 1.0)
    metrics.gauges.figures = FIGURES
    metrics.counters.tally = Throughput(
        {"shipment": 1}, {("shipment", "confirmed"): 1}, {("shipment", 1): 1}, {"shipment": 1.0}
    )
    text = metrics.render()[0].decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


KNOWN = exposed()


def queries() -> Iterator[tuple[str, str]]:
    """Each query of rules and dashboard, with its place."""
    for name, rule in RULES.items():
        yield name, rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]


def test_every_query_uses_metrics_and_labels_that_waybill_exposes() -> None:
    for place, query in queries():
        names = set(NAME.findall(query))
        assert names or place == "Alerts", place
        assert names <= KNOWN.keys(), (place, names - KNOWN.keys())
        for name, matchers in SELECTOR.findall(query):
            labels = set(re.findall(r'(\w+)[=!]~?"', matchers))
            assert labels <= KNOWN[name] | ADDED, (place, name)
        grouped = set(re.findall(r"\w+", ",".join(re.findall(r"\b(?:by|on) \(([^)]*)\)", query))))
        assert grouped <= set().union(*(KNOWN[name] for name in names)) | ADDED, place


def test_every_metric_has_one_row_and_every_row_a_metric() -> None:
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in KNOWN}
    rows = re.findall(r"^\| `(waybill_[a-z_]+)` \|([^|]*)\|", PAGE, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(
        name for name in families if name.startswith("waybill_")
    )
    for name, labels in rows:
        shown = KNOWN[name] if name in KNOWN else KNOWN[f"{name}_bucket"] - {"le"}
        assert set(re.findall(r"`(\w+)`", labels)) == shown, name


def test_every_alert_leads_to_its_section_of_the_runbook_and_back() -> None:
    sections = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", RUNBOOK, re.DOTALL | re.MULTILINE))
    assert list(sections) == list(RULES)
    for name, rule in RULES.items():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert re.findall(r"\*\*(.*?)\*\*", sections[name]) == list(PARTS), name
        # One is the code of an error.
        assert set(NAME.findall(sections[name])) <= KNOWN.keys() | {"waybill_fault"}, name


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_tested_while_it_fires_and_while_it_does_not(name: str) -> None:
    asked = [
        each for test in TESTS for each in test["alert_rule_test"] if each["alertname"] == name
    ]
    assert {bool(each["exp_alerts"]) for each in asked} == {True, False}


def test_a_stopped_store_is_known_by_every_reason_that_needs_a_person() -> None:
    (named,) = re.findall(r'reason=~"([^"]*)"', RULES["WaybillStoreStopped"]["expr"])
    assert named.split("|") == sorted(BLOCKED)
