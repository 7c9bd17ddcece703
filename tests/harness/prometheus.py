"""Prometheus' own judgement of alert rules over scrapes: promtool evaluates them."""

import json
import os
import shutil
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

_ROOT = Path(__file__).resolve().parents[2]
RULES = _ROOT / "deploy/prometheus/alerts.yml"
# Minutes for which each of two scrapes is repeated: longer than any rule waits.
_HOUR = 60
_GROWING = ("_total", "_bucket", "_count", "_sum")
Samples = Mapping[str, float]


def samples(text: str) -> dict[str, float]:
    """The samples that rules read by series, with the labels that Prometheus adds."""
    found = {}
    rules = RULES.read_text()
    for family in text_string_to_metric_families(text):
        for each in (each for each in family.samples if each.name in rules):
            labels = {**each.labels, "job": "waybill", "instance": "api-1"}
            inner = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
            found[f"{each.name}{{{inner}}}"] = each.value
    return found


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool: the system's, or what .ci/system-packages unpacked."""
    path = f"{os.environ['PATH']}:{_ROOT / '.cache/usr/bin'}"
    program = shutil.which("promtool", path=path)
    assert program, "promtool is missing: .ci/system-packages promtool"
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def fault_test(
    name: str, before: Samples, during: Samples, fires: Collection[str], grows: Collection[str]
) -> dict[str, object]:
    """A test of promtool: `fires` fire within an hour of the fault, and not in the hour before.

    before, during: a scrape before and one with the fault; each lasts an hour. grows: metrics of an
    age that grows with time while the fault lasts.
    """
    series = [
        {"series": each, "values": _values(each, before.get(each), during.get(each), grows)}
        for each in sorted(before.keys() | during.keys())
    ]
    quiet = {"expr": _firing("|".join(fires)), "eval_time": f"{_HOUR - 1}m", "exp_samples": []}
    firing = [
        {
            "expr": f"group(max_over_time({_firing(alert)}[{_HOUR - 1}m]))",
            "eval_time": f"{2 * _HOUR - 1}m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for alert in fires
    ]
    return {
        "name": name,
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [quiet, *firing],
    }


def healthy_test(healthy: Samples) -> dict[str, object]:
    """A test of promtool: no rule fires or is about to while a scrape stays as it is."""
    series = [
        {"series": each, "values": _values(each, value, value, ())}
        for each, value in healthy.items()
    ]
    quiet = {"expr": "ALERTS", "eval_time": f"{2 * _HOUR - 1}m", "exp_samples": []}
    return {
        "name": "all is well",
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [quiet],
    }


def judge(tests: Collection[Mapping[str, object]], folder: Path) -> str:
    """Run tests of the rules; return what promtool found wrong, or nothing."""
    # JSON is YAML.
    whole = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": list(tests)}
    file = folder / "scrapes.yml"
    file.write_text(json.dumps(whole))
    run = promtool("test", "rules", file)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def _firing(alerts: str) -> str:
    return f'ALERTS{{alertname=~"{alerts}",alertstate="firing"}}'


def _values(series: str, before: float | None, during: float | None, grows: Collection[str]) -> str:
    name = series.partition("{")[0]
    first = " ".join(["_"] * _HOUR) if before is None else f"{before:f}x{_HOUR - 1}"
    if during is None:
        return f"{first} stale"
    if name.endswith(_GROWING):
        start = before or 0.0
        return f"{first} {start:f}+{max(during - start, 0) / (_HOUR - 1):f}x{_HOUR - 1}"
    return f"{first} {during:f}+{60 if name in grows else 0}x{_HOUR - 1}"
