"""The command line as scripts use it: exit codes, and one line with a next step."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import sync_playwright

from tests.forked import Forked, deployed
from tests.harness import chromium
from tests.harness.databases import APPLICATION, Server, as_application
from tests.harness.waiting import LIMIT
from tests.processes import WAYBILL, Deployment, a_store, free_port, run, until
from tests.tls import TLS

KEY = Fernet.generate_key().decode()
ROOT = Path(__file__).resolve().parents[2]


def waybill(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these settings only."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WAYBILL_")}
    return run(Forked, words, {**clean, **settings})


@pytest.mark.parametrize("command", [("serve",), ("poller",), ("migrate",), ("keys", "list")])
def test_nothing_starts_without_a_database(command: tuple[str, ...]) -> None:
    ended = waybill(*command, WAYBILL_ENCRYPTION_KEYS=KEY)
    assert ended.returncode == 2
    assert "WAYBILL_DATABASE_URL is not set" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_serve_refuses_without_an_encryption_key() -> None:
    ended = waybill("serve", WAYBILL_DATABASE_URL="postgresql://x@127.0.0.1:9/x")
    assert (ended.returncode, "WAYBILL_ENCRYPTION_KEYS is not set" in ended.stderr) == (2, True)


def test_a_misspelt_setting_is_refused() -> None:
    ended = waybill("doctor", WAYBILL_DATABASE_UR="x")
    assert ended.returncode == 2
    assert "Did you mean WAYBILL_DATABASE_URL?" in ended.stderr


def test_an_unreachable_database_is_one_line() -> None:
    url = "postgresql://x@127.0.0.1:9/x"
    for command in (("serve", "--port", str(free_port())), ("migrate",), ("keys", "list")):
        ended = waybill(*command, WAYBILL_DATABASE_URL=url, WAYBILL_ENCRYPTION_KEYS=KEY)
        assert ended.returncode == 1, ended.stderr
        assert ended.stderr.strip().splitlines()[-1].startswith("waybill: ")
        assert "Traceback" not in ended.stderr


def test_serve_reports_an_old_schema_and_migrate_upgrades_it(
    server: Server, empty_url: str
) -> None:
    limited = as_application(empty_url)
    settings = {"WAYBILL_DATABASE_URL": limited, "WAYBILL_ENCRYPTION_KEYS": KEY}
    behind = waybill("serve", "--port", str(free_port()), **settings)
    assert (behind.returncode, "waybill migrate" in behind.stderr) == (1, True)
    # A migration needs no superuser.
    server.execute("CREATE ROLE migrates LOGIN")
    name = urlsplit(empty_url).path[1:]
    server.execute(f"ALTER DATABASE {name} OWNER TO migrates")
    owner = {"WAYBILL_MIGRATION_URL": empty_url.replace("//postgres@", "//migrates@")}
    for role, why in (("nobody_here", "there is no role"), ("migrates", "needs another")):
        refused = waybill("migrate", "--grant-to", role, **owner)
        assert (refused.returncode, why in refused.stderr) == (1, True), refused.stderr
    granted = waybill("migrate", "--grant-to", APPLICATION, **owner)
    assert granted.returncode == 0, granted.stderr
    assert f"{APPLICATION} may read and write rows" in granted.stdout
    doctor = waybill("doctor", **settings)
    assert doctor.returncode == 0, doctor.stdout
    assert {line[0] for line in doctor.stdout.splitlines()} == {"✔"}, doctor.stdout
    assert f"{APPLICATION} may read and write rows, and nothing else" in doctor.stdout


def test_a_command_before_migrate_says_so(empty_url: str) -> None:
    settings = {"WAYBILL_DATABASE_URL": empty_url, "WAYBILL_ENCRYPTION_KEYS": KEY}
    listed = waybill("keys", "list", **settings)
    assert (listed.returncode, len(listed.stderr.splitlines())) == (1, 1)
    assert "waybill migrate" in listed.stderr
    doctor = waybill("doctor", **settings)
    assert doctor.returncode == 1
    assert "→ Run `waybill migrate`." in doctor.stdout
    assert "SELECT" not in doctor.stdout


def test_a_database_that_does_not_exist_is_named(fresh_url: str) -> None:
    url = fresh_url.replace("?", "_nowhere?")
    settings = {"WAYBILL_DATABASE_URL": url, "WAYBILL_ENCRYPTION_KEYS": KEY}
    for command in (("serve", "--port", str(free_port())), ("migrate",), ("keys", "list")):
        ended = waybill(*command, **settings)
        assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
        assert 'nowhere" does not exist' in ended.stderr.splitlines()[-1]


def test_serve_stops_in_order_and_stops_its_embedded_database(data_folder: Path) -> None:
    folder = data_folder / "serve"
    settings = {
        "WAYBILL_DATABASE_URL": "embedded",
        "WAYBILL_DATA_DIR": str(folder),
        "WAYBILL_ENCRYPTION_KEYS": KEY,
    }
    assert waybill("migrate", **settings).returncode == 0
    for ending in (signal.SIGTERM, signal.SIGINT):
        assert served_until(ending, settings) == 0
        assert not (folder / "postgres" / "postmaster.pid").exists(), ending


def served_until(ending: signal.Signals, settings: dict[str, str]) -> int:
    """Serve in a new interpreter until it is ready, and end it by a signal; return its exit code."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WAYBILL_")}
    port = free_port()
    command = [*WAYBILL, "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env={**clean, **settings}) as serving:
        until(lambda: serving.poll() is not None or answers(f"http://127.0.0.1:{port}/readyz"))
        serving.send_signal(ending)
        return serving.wait(LIMIT)


def answers(url: str) -> bool:
    """Whether the server answers."""
    try:
        return httpx.get(url, trust_env=False, verify=TLS).is_success
    except httpx.TransportError:
        return False


def test_a_port_in_use_is_one_line(fresh_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = waybill(
            "serve",
            "--port",
            port,
            WAYBILL_DATABASE_URL=fresh_url,
            WAYBILL_ENCRYPTION_KEYS=KEY,
        )
    assert ended.returncode == 1
    assert f"port {port}" in ended.stderr


def test_keys_are_created_listed_and_revoked(fresh_url: str, tmp_path: Path) -> None:
    settings = {"WAYBILL_DATABASE_URL": fresh_url}
    made = waybill("keys", "create", "--name", "commerce", **settings)
    secret = made.stdout.strip()
    assert (made.returncode, secret[:3]) == (0, "wb_")
    assert waybill("keys", "create", "--name", "commerce", **settings).returncode == 1
    for wrong in (("--name", "x", "--scope", "root"), ("--name", ""), ("--name", "two\nlines")):
        assert waybill("keys", "create", *wrong, **settings).returncode == 2
    listed = waybill("keys", "list", **settings).stdout
    assert "commerce\tread,write" in listed
    assert secret not in listed
    lasting = ("keys", "create", "--name", "guest", "--expires")
    assert waybill(*lasting, "2999-01-31", **settings).returncode == 0
    assert "works until 2999-01-31 00:00 UTC" in waybill("keys", "list", **settings).stdout
    assert "would have expired" in waybill(*lasting, "2020-01-31", **settings).stderr
    signing = waybill("keys", "create", "--name", "signs", "--oauth", **settings)
    assert (signing.returncode, "WAYBILL_ENCRYPTION_KEYS is not set" in signing.stderr) == (2, True)
    signing = waybill(
        "keys", "create", "--name", "signs", "--oauth", **settings, WAYBILL_ENCRYPTION_KEYS=KEY
    )
    shown = dict(line.split(": ") for line in signing.stdout.splitlines())
    names = ["Consumer Key", "Consumer Secret", "Access Token", "Access Token Secret"]
    assert (list(shown), {len(value) for value in shown.values()}) == (names, {32})
    listed = waybill("keys", "list", **settings).stdout
    assert "signs\tread,write\tevery store" in listed
    assert not [value for value in shown.values() if value in listed]
    assert waybill("keys", "revoke", "signs", **settings).returncode == 0
    rotated = waybill("keys", "rotate", "guest", "--overlap", "7d", **settings)
    assert (rotated.returncode, rotated.stdout[:3]) == (0, "wb_")
    assert "secret before works until" in rotated.stderr
    assert "old secret until" in waybill("keys", "list", **settings).stdout
    for wrong in (("--overlap", "31d"), ("--overlap", "soon")):
        assert waybill("keys", "rotate", "guest", *wrong, **settings).returncode == 2
    assert waybill("keys", "rotate", "signs", **settings).returncode == 1
    with deployed(fresh_url, tmp_path) as deployment:
        headers = {"Authorization": f"Bearer {secret}"}
        url = f"{deployment.api}/v1/orders"
        assert httpx.get(url, headers=headers, trust_env=False, verify=TLS).status_code == 200
        assert waybill("keys", "revoke", "commerce", **settings).returncode == 0
        # A process checks a key again after five seconds.
        until(
            lambda: httpx.get(url, headers=headers, trust_env=False, verify=TLS).status_code == 401
        )
    assert waybill("keys", "revoke", "commerce", **settings).returncode == 1


def test_doctor_reports_problems_and_next_steps(fresh_url: str, tmp_path: Path) -> None:
    with deployed(fresh_url, tmp_path) as deployment:
        with deployment.client() as client:
            a_store(client, walmart={"client_id": "a", "client_secret": "wrong"})
        kept = {k: v for k, v in deployment.environment.items() if k.startswith("WAYBILL_")}
        rejected = waybill("doctor", **kept)
        # As the superuser, too.
        lost = {"WAYBILL_ENCRYPTION_KEYS": KEY, "WAYBILL_DATABASE_URL": fresh_url}
        unreadable = waybill("doctor", **{**kept, **lost})
        nowhere = {"WAYBILL_DATABASE_DIRECT_URL": "postgresql://x@127.0.0.1:9/x"}
        deaf = waybill("doctor", **kept, **nowhere)
        both = {**kept, "WAYBILL_ENCRYPTION_KEYS": f"{KEY},{kept['WAYBILL_ENCRYPTION_KEYS']}"}
        before = waybill("doctor", **both)
        changed = waybill("rotate-secrets", **both)
        after = waybill("doctor", **{**kept, "WAYBILL_ENCRYPTION_KEYS": KEY})
    assert rejected.returncode == unreadable.returncode == deaf.returncode == 1
    assert "✔ pollers are woken by LISTEN" in rejected.stdout
    assert "✘ pollers are not woken by LISTEN" in deaf.stdout
    assert "Walmart rejects its keys" in rejected.stdout
    assert "PATCH /v1/stores" in rejected.stdout
    assert "cannot be read" in unreadable.stdout
    assert "! postgres is a superuser\n  → " in unreadable.stdout
    assert "✘ 1 of 1 secrets cannot be read" in unreadable.stdout
    assert "! 1 of 1 secrets need an older encryption key\n  → Run `waybill rotate-secrets`" in (
        before.stdout
    )
    assert (changed.returncode, "1 secrets were encrypted anew" in changed.stdout) == (0, True)
    assert "✔ 1 secrets need the newest encryption key only" in after.stdout


def test_doctor_says_why_the_database_cannot_be_used(server: Server, fresh_url: str) -> None:
    settings = {"WAYBILL_DATABASE_URL": as_application(fresh_url), "WAYBILL_ENCRYPTION_KEYS": KEY}
    name = urlsplit(fresh_url).path.removeprefix("/")
    server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    standby = waybill("doctor", **settings)
    server.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    away = waybill("doctor", **{**settings, "WAYBILL_DATABASE_URL": "postgresql://x@127.0.0.1:9/x"})
    assert standby.returncode == away.returncode == 1
    assert "✘ database: database_read_only" in standby.stdout
    assert "takes writes" in standby.stdout
    assert "✘ database: database_unreachable" in away.stdout


def test_the_demo_starts_shows_orders_and_stops_cleanly_twice(data_folder: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WAYBILL_")}
    for orders in (4, 8):
        port, simulator_port = free_port(), free_port()
        words = ["demo", "--port", str(port), "--simulator-port", str(simulator_port)]
        with subprocess.Popen(
            [*WAYBILL, *words],
            cwd=ROOT,
            env={**clean, "WAYBILL_DATA_DIR": str(data_folder / "demo")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as demo:
            assert demo.stdout is not None
            key, link = None, ""
            for line in demo.stdout:
                if line.startswith("  The page"):
                    link = line.split()[-1]
                elif line.startswith("  API key"):
                    key = line.split()[-1]
                if "Ctrl-C stops" in line:
                    break
            headers = {"Authorization": f"Bearer {key}"}
            url = f"http://127.0.0.1:{port}/v1/orders/summary"
            counted = httpx.get(url, headers=headers, trust_env=False, verify=TLS).json()
            assert counted["total"] == orders
            assert "This is the simulator." in _first_page(link)
            demo.send_signal(signal.SIGINT)
            assert "everything is saved" in demo.stdout.read()
        assert demo.returncode == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, trust_env=False, verify=TLS)


def _first_page(link: str) -> str:
    """What a person sees who opens a link in a browser and presses its button. It works once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.program(), args=chromium.OPTIONS
        )
        tab = browser.new_page()
        tab.set_default_timeout(LIMIT * 1000)
        tab.goto(link)
        tab.get_by_role("button", name="Sign in").click()
        tab.wait_for_url("**/orders")
        page = tab.locator("body").inner_text()
        other = browser.new_page()
        used = other.goto(link)
        assert used is not None
        assert used.status == 410
        assert other.get_by_role("button", name="Sign in").count() == 0
        browser.close()
    return page


def test_a_poller_answers_probes_before_its_database_is_available(tmp_path: Path) -> None:
    port = free_port()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WAYBILL_")}
    nowhere = {
        "WAYBILL_DATABASE_URL": "postgresql://x@127.0.0.1:9/x",
        "WAYBILL_ENCRYPTION_KEYS": KEY,
    }
    poller = Deployment("", "", "", {**clean, **nowhere}, tmp_path)
    try:
        poller.start("poller", "poller", "--port", str(port))
        poller.wait_for(f"http://127.0.0.1:{port}/livez", "poller")
        alive, ready = (
            httpx.get(f"http://127.0.0.1:{port}/{probe}", trust_env=False, verify=TLS)
            for probe in ("livez", "readyz")
        )
        assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
        assert ready.status_code == 503
        assert ready.json()["detail"].startswith("The database cannot be reached")
        assert poller.stop("poller") == 0
    finally:
        poller.stop_all()
