"""The Kubernetes manifests agree with each other, with the command line and with the settings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet
from typer.main import get_command

from app import settings
from app.bootstrap.worker import DRAIN_SHARE
from app.cli import serve
from app.cli.main import app
from app.settings import BadSettings, Settings
from app.web import export
from app.web.probes import create_probes
from app.worker.heartbeat import PATIENCE
from deploy.kubernetes import lint

ROOT = Path(__file__).resolve().parents[2]
README = (lint.HERE / "README.md").read_text()
MANIFESTS = [manifest for folder in lint.BUILT for manifest in lint.built(folder)]
WORKLOADS = [each for each in MANIFESTS if each["kind"] in {"Deployment", "Job"}]
NAMES = [each["metadata"]["name"] for each in WORKLOADS]
POSTGRES_CONNECTIONS = 350
# superuser_reserved_connections, and a few for administrators, backups and KEDA.
KEPT_FREE = 12
DEFAULT_CONNECTIONS = 100
# Values that differ from the defaults: a pod is behind a Service, a developer's API is not.
OF_PODS = {"drain_delay": 5.0}
# Settings without a common value in a pod: secrets, and a folder that no pod has.
NOT_IN_THE_MAP = {
    "WAYBILL_DATABASE_URL",
    "WAYBILL_DATABASE_DIRECT_URL",
    "WAYBILL_MIGRATION_URL",
    "WAYBILL_ENCRYPTION_KEYS",
    "WAYBILL_ADMIN_KEY",
    "WAYBILL_DATA_DIR",
    # The manifests name the port themselves.
    "WAYBILL_METRICS_PORT",
    # Set by `waybill demo` only.
    "WAYBILL_DEMO_SIMULATOR",
}


def one(kind: str, name: str) -> dict[str, Any]:
    """The object of a kind and name, without the hash that kustomize adds to a name."""
    found = [
        each
        for each in MANIFESTS
        if each["kind"] == kind and re.sub(r"-[a-z0-9]{10}$", "", each["metadata"]["name"]) == name
    ]
    assert found, (kind, name)
    return found[0]


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def container(workload: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod(workload)["containers"]
    return dict(only)


def selected(labels: dict[str, str]) -> list[str]:
    """The workloads with pods that have these labels."""
    return [
        each["metadata"]["name"]
        for each in WORKLOADS
        if labels.items() <= each["spec"]["template"]["metadata"]["labels"].items()
    ]


CONFIGURED = one("ConfigMap", "waybill-settings")["data"]
API, POLLER = one("Deployment", "waybill-api"), one("Deployment", "waybill-poller")
SCALED = one("ScaledObject", "waybill-poller")["spec"]


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """The settings that the pods would read."""
    monkeypatch.chdir(tmp_path)
    for name, value in CONFIGURED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WAYBILL_ENCRYPTION_KEYS", Fernet.generate_key().decode())
    return settings.load()


def test_every_object_is_known_to_kubernetes() -> None:
    examples = [each for file in lint.SINGLE for each in lint.single(file)]
    assert [line for each in [*MANIFESTS, *examples] for line in lint.problems(each)] == []


def test_a_misspelt_field_is_found() -> None:
    misspelt = yaml.safe_load(yaml.safe_dump(API).replace("livenessProbe", "livenesProbe"))
    assert any("livenesProbe" in line for line in lint.problems(misspelt))
    misspelt = yaml.safe_load(
        yaml.safe_dump(one("ScaledObject", "waybill-poller")).replace("maxReplicaCount", "max")
    )
    assert any("max" in line for line in lint.problems(misspelt))


@pytest.mark.parametrize("workload", WORKLOADS, ids=NAMES)
def test_a_pod_has_as_few_rights_as_possible(workload: dict[str, Any]) -> None:
    spec, only = pod(workload), container(workload)
    user = spec["securityContext"]["runAsUser"]
    assert f"USER {user}:" in (ROOT / "Dockerfile").read_text()
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= only["resources"]["requests"].keys()
    assert "memory" in only["resources"]["limits"]
    assert not only["image"].endswith((":latest", "waybill"))


@pytest.mark.parametrize("workload", WORKLOADS, ids=NAMES)
def test_services_add_no_variable_that_waybill_refuses(workload: dict[str, Any]) -> None:
    with pytest.raises(BadSettings):
        settings.load({"WAYBILL_API_SERVICE_HOST": "10.0.0.1"})
    assert pod(workload)["enableServiceLinks"] is False


@pytest.mark.parametrize("workload", WORKLOADS, ids=NAMES)
def test_a_pod_runs_an_existing_command(workload: dict[str, Any]) -> None:
    name, *words = container(workload)["args"]
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    given = command.make_context(name, list(words)).params
    declared = container(workload).get("ports", [])
    ports = [port["containerPort"] for port in declared if port["name"] != "metrics"]
    assert [given[option] for option in ("port",) if given.get(option)] == ports
    assert not ports or given["host"] == "0.0.0.0"  # noqa: S104 - in a pod
    assert given.get("no_poller", True)


def test_probes_use_existing_addresses() -> None:
    api = set(export.document()["paths"])
    poller = {route.path for route in create_probes(stopped=str, ready=None, draining=None).routes}  # type: ignore[arg-type, attr-defined]
    for workload, answered in ((API, api), (POLLER, poller)):
        only = container(workload)
        names = {port["name"] for port in only["ports"]}
        asked = {probe: only[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness")}
        assert {get["path"] for get in asked.values()} == {"/livez"}
        assert only["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert {"/livez", "/readyz"} <= answered
        assert {get["port"] for get in asked.values()} <= names


@pytest.mark.parametrize("workload", WORKLOADS, ids=NAMES)
def test_a_pod_gets_existing_settings_and_secrets(workload: dict[str, Any]) -> None:
    only = container(workload)
    for each in only["envFrom"]:
        name = each["configMapRef"]["name"]
        assert name in {m["metadata"]["name"] for m in MANIFESTS if m["kind"] == "ConfigMap"}
    assert set(CONFIGURED) <= set(settings.variables())
    for variable in only["env"]:
        assert variable["name"] in settings.variables()
        assert variable["name"] not in CONFIGURED
        if "value" in variable:
            continue
        refers = variable["valueFrom"]["secretKeyRef"]
        assert refers["key"] in secrets(refers["name"]) or refers.get("optional")


def test_every_setting_except_secrets_is_listed_with_its_default(configured: Settings) -> None:
    assert set(CONFIGURED) == set(settings.variables()) - NOT_IN_THE_MAP
    for name in CONFIGURED:
        field = name.removeprefix(settings.PREFIX).lower()
        usual = OF_PODS.get(field, Settings.model_fields[field].default)
        assert getattr(configured, field) == usual, name


def secrets(name: str) -> set[str]:
    """The keys of an example of a secret."""
    examples = lint.single("overlays/production/secrets.example.yaml")
    return {
        key for each in examples if each["metadata"]["name"] == name for key in each["stringData"]
    }


def test_no_secret_is_in_a_build() -> None:
    assert "Secret" not in {each["kind"] for each in MANIFESTS}
    assert not NOT_IN_THE_MAP & set(CONFIGURED)


def test_keda_reads_existing_keys_of_a_secret() -> None:
    trigger = SCALED["triggers"][0]
    keys = one("TriggerAuthentication", trigger["authenticationRef"]["name"])["spec"]
    for each in keys["secretTargetRef"]:
        assert each["key"] in secrets(each["name"])


def test_every_selector_matches_pods() -> None:
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        for each in (each for each in MANIFESTS if each["kind"] == kind):
            spec = each["spec"]
            chooser = spec.get("podSelector") or spec["selector"]
            labels = chooser.get("matchLabels", chooser)
            assert selected(labels), each["metadata"]["name"]
            for wish in chooser.get("matchExpressions", []):
                assert all(selected({wish["key"]: value}) for value in wish["values"])
    for workload in (API, POLLER):
        for rule in pod(workload)["topologySpreadConstraints"]:
            assert selected(rule["labelSelector"]["matchLabels"]) == [workload["metadata"]["name"]]


def test_the_service_routes_to_the_api_only_and_not_to_metrics() -> None:
    service = one("Service", "waybill-api")["spec"]
    assert selected(service["selector"]) == ["waybill-api"]
    assert {port["targetPort"] for port in service["ports"]} == {"http"}
    assert "http" in {port["name"] for port in container(API)["ports"]}


@pytest.mark.parametrize("workload", [API, POLLER], ids=["api", "poller"])
def test_metrics_are_where_prometheus_looks_for_them(workload: dict[str, Any]) -> None:
    port = next(p["containerPort"] for p in container(workload)["ports"] if p["name"] == "metrics")
    notes = workload["spec"]["template"]["metadata"]["annotations"]
    (variable,) = (e for e in container(workload)["env"] if e["name"] == "WAYBILL_METRICS_PORT")
    assert str(port) == notes["prometheus.io/port"] == variable["value"]
    reachable = one("NetworkPolicy", "waybill-metrics")["spec"]["ingress"][0]
    assert reachable["ports"][0]["port"] == "metrics"


def test_autoscaled_deployments_set_no_replica_count() -> None:
    scaler = one("HorizontalPodAutoscaler", "waybill-api")["spec"]
    for target in (scaler["scaleTargetRef"], SCALED["scaleTargetRef"]):
        assert "replicas" not in one("Deployment", target["name"])["spec"]


def test_a_disruption_budget_allows_a_drain_and_keeps_a_pod_serving() -> None:
    least = {
        "waybill-api": one("HorizontalPodAutoscaler", "waybill-api")["spec"]["minReplicas"],
        "waybill-poller": SCALED["minReplicaCount"],
    }
    for name, replicas in least.items():
        assert 0 < one("PodDisruptionBudget", name)["spec"]["maxUnavailable"] < replicas


def test_a_poller_has_time_to_record_its_deliveries_in_flight(configured: Settings) -> None:
    grace = pod(POLLER)["terminationGracePeriodSeconds"]
    assert configured.lease * DRAIN_SHARE + 10 <= grace
    # After its lease has ended it holds no update.
    assert grace <= configured.lease


def test_the_api_stops_only_after_it_gets_no_more_requests(configured: Settings) -> None:
    before = container(API)["lifecycle"]["preStop"]["sleep"]["seconds"]
    serving = before + configured.drain_delay
    assert serving >= 10
    assert serving + serve.GRACE + 5 <= pod(API)["terminationGracePeriodSeconds"]


def test_liveness_probes_tolerate_a_busy_moment_and_a_hanging_database(
    configured: Settings,
) -> None:
    for workload in (API, POLLER):
        probe = container(workload)["livenessProbe"]
        assert probe["failureThreshold"] * probe["periodSeconds"] >= 30
    assert 2 * configured.walmart_timeout + configured.lease * DRAIN_SHARE < PATIENCE


def test_pollers_are_added_only_after_the_safety_poll_had_its_turn(configured: Settings) -> None:
    answered_for = SCALED["minReplicaCount"] * float(
        SCALED["triggers"][0]["metadata"]["targetQueryValue"]
    )
    assert answered_for >= 2 * configured.poll_interval


def connections(apis: int, pollers: int, pool: int) -> int:
    """The most connections of these pods.

    An API reads on as many connections as its pool has, accepts on four and announces on one; a poller
    claims and surveys on five, listens on one and announces on one.
    """
    return apis * (2 * pool + min(pool, 4) + 1) + pollers * (pool + min(pool, 5) + 2)


def test_the_database_has_connections_for_the_largest_roll_out(configured: Settings) -> None:
    def surge(workload: dict[str, Any]) -> int:
        return int(workload["spec"]["strategy"]["rollingUpdate"]["maxSurge"])

    def rolling_out(apis: int, pollers: int, pool: int) -> int:
        # One is the migration's.
        return connections(apis + surge(API), pollers + surge(POLLER), pool) + 1

    pool = configured.database_pool_size
    scaler = one("HorizontalPodAutoscaler", "waybill-api")["spec"]
    most = (scaler["maxReplicas"], SCALED["maxReplicaCount"])
    needed = rolling_out(*most, pool)
    assert needed <= POSTGRES_CONNECTIONS - KEPT_FREE
    assert f"needs {needed} connections" in README
    assert f"max_connections` of {POSTGRES_CONNECTIONS}" in README
    at_rest = connections(scaler["minReplicas"], SCALED["minReplicaCount"], pool)
    assert f"at rest, {at_rest}." in README
    for within, (apis, pollers), smaller, said in (
        (300, most, 8, "At 300 take\na pool of 8 ({})"),
        (DEFAULT_CONNECTIONS, (4, 5), 2, "`maxReplicas` of 4 and a `maxReplicaCount` of 5 ({})"),
    ):
        needed = rolling_out(apis, pollers, smaller)
        assert needed <= within - KEPT_FREE
        assert said.format(needed) in README
    # The smallest pool that the setting allows.
    assert rolling_out(*most, 2) > DEFAULT_CONNECTIONS - KEPT_FREE


def test_every_tunable_number_is_explained() -> None:
    for number in numbers():
        assert f"`{number}`" in README, number


def numbers() -> Iterator[str]:
    """The fields of the manifests that an operator may change."""
    yield from ("terminationGracePeriodSeconds", "minReplicas", "maxReplicas", "averageUtilization")
    yield from ("minReplicaCount", "maxReplicaCount", "targetQueryValue", "pollingInterval")
    yield from ("maxUnavailable", "maxSurge", "stabilizationWindowSeconds", "failureThreshold")
    yield from ("requests", "limits", "backoffLimit", "preStop")
