"""Missing system packages are installed by one call of apt-get, or named in one line."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("chromium", "pgbouncer", "faketime")
ALL = ("python", "node", *TESTS, "promtool")
TITLES = (
    "Python 3.11 to 3.15 with venv, Node.js 18.18 or newer with npm, Chromium, PgBouncer, "
    "libfaketime, promtool"
)
PACKAGES = "python3 python3-venv nodejs npm chromium-headless-shell pgbouncer faketime"
UNPACK = "apt-get download prometheus && dpkg-deb -x prometheus_*.deb .cache"
BY_HAND = f"apt-get update && apt-get install -y --no-install-recommends {PACKAGES} && {UNPACK}"
DOWNLOAD = "apt-get -qq -o DPkg::Lock::Timeout=120 download prometheus"

# "Installs" by making the programs; the result of `apt-get update` and the omissions are set.
APT_GET = """\
echo "apt-get $*" >>"$CALLS"
echo "noise of apt-get"
case $* in
*" update") exit "${UPDATE:-0}" ;;
*" download prometheus") echo package >prometheus_1_any.deb; exit "${DOWNLOAD:-0}" ;;
esac
[ "${INSTALL:-0}" = 0 ] || { echo "E: no such package"; exit "$INSTALL"; }
for package in "$@"; do
    case $package in
    chromium-headless-shell) echo 'exit 0' >"$BIN/chromium-headless-shell" ;;
    nodejs) echo "exit ${NODE:-0}" >"$BIN/node" ;;
    npm) echo 'exit 0' >"$BIN/npm" ;;
    python3 | python3.*-venv) echo 'exit 0' >"$BIN/python3" ;;
    pgbouncer) mkdir -p "$SYSTEM_USR/sbin"; echo 'exit 0' >"$SYSTEM_USR/sbin/pgbouncer" ;;
    faketime) mkdir -p "$SYSTEM_USR/lib/any/faketime"; : >"$SYSTEM_USR/lib/any/faketime/libfaketime.so.1" ;;
    esac
done
chmod +x "$BIN"/* "$SYSTEM_USR"/sbin/* || true
"""
# Unpacks the one program, if it is asked for that alone.
TAR = """\
[ "$*" = "-x ./usr/bin/promtool" ] && mkdir -p usr/bin && cp "$BIN/true" usr/bin/promtool
"""
SUDO = """\
echo "sudo $*" >>"$CALLS"
[ "${SUDO:-0}" = 0 ] || exit "$SUDO"
shift
exec "$@"
"""


@dataclass
class Machine:
    """A separate PATH, with the few programs of every machine and a fake apt-get."""

    folder: Path

    def __post_init__(self) -> None:
        self.calls.touch()
        for folder in (self.bin, self.usr / "bin"):
            folder.mkdir(parents=True)
        for name in ("bash", "sh", "env", "dirname", "mkdir", "chmod", "true", "rm", "cp"):
            (self.bin / name).symlink_to(str(shutil.which(name)))
        self.program("apt-get", APT_GET)
        self.program("dpkg-deb")
        self.program("tar", TAR)
        self.user(0)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def usr(self) -> Path:
        return self.folder / "usr"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def calls(self) -> Path:
        return self.folder / "calls"

    def program(self, name: str, text: str = "exit 0\n") -> None:
        path = self.bin / name
        path.write_text(f"#!{shutil.which('sh')}\n{text}")
        path.chmod(0o755)

    def user(self, number: int) -> None:
        self.program("id", f"echo {number}\n")

    def has(self, *tools: str, **answers: int) -> subprocess.CompletedProcess[str]:
        """Run the script for those tools."""
        environment = {
            "PATH": str(self.bin),
            "BIN": str(self.bin),
            "SYSTEM_USR": str(self.usr),
            "SYSTEM_CACHE": str(self.cache),
            "CALLS": str(self.calls),
        }
        environment |= {name.upper(): str(value) for name, value in answers.items()}
        return subprocess.run(
            [ROOT / ".ci/system-packages", *tools],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def apt_get(packages: str) -> list[str]:
    options = "apt-get -qq -o DPkg::Lock::Timeout=120"
    return [f"{options} update", f"{options} install -y --no-install-recommends {packages}"]


def refusal(answer: subprocess.CompletedProcess[str]) -> str:
    """The last line of its output."""
    assert answer.returncode == 1, answer
    return answer.stderr.splitlines()[-1]


def test_root_gets_everything_missing_by_one_install_in_one_line(machine: Machine) -> None:
    answer = machine.has(*ALL)
    assert answer.returncode == 0, answer.stderr
    steps = f"apt-get install {PACKAGES}, apt-get download prometheus"
    assert answer.stdout == f"Installing {TITLES}: {steps}\n"
    assert not answer.stderr
    assert machine.called() == [*apt_get(PACKAGES), DOWNLOAD]


def test_promtool_is_unpacked_so_that_no_server_starts(machine: Machine) -> None:
    answer = machine.has("promtool")
    assert answer.returncode == 0, answer.stderr
    assert machine.called() == [apt_get("")[0], DOWNLOAD]
    assert [each.name for each in machine.cache.iterdir()] == ["usr"]
    assert machine.has("promtool").stdout == ""
    shutil.rmtree(machine.cache)
    assert refusal(machine.has("promtool", download=100)).endswith(f"apt-get update && {UNPACK}")


def test_only_missing_packages_are_installed_and_each_once(machine: Machine) -> None:
    machine.program("chromium-browser")
    assert machine.has(*TESTS).returncode == 0
    assert machine.called() == apt_get("pgbouncer faketime")
    again = machine.has(*TESTS)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert machine.called() == apt_get("pgbouncer faketime")


def test_sudo_is_used_if_it_asks_for_no_password(machine: Machine) -> None:
    machine.user(1000)
    machine.program("sudo", SUDO)
    assert machine.has("chromium").returncode == 0
    with_sudo = [
        f"sudo -n env DEBIAN_FRONTEND=noninteractive {each}"
        for each in apt_get("chromium-headless-shell")
    ]
    assert [each for each in machine.called() if each.startswith("sudo")] == [
        "sudo -n true",
        *with_sudo,
    ]


def test_with_a_sudo_password_one_line_with_sudo_installs_everything(
    machine: Machine,
) -> None:
    machine.user(1000)
    machine.program("sudo", SUDO)
    answer = machine.has(*ALL, sudo=1)
    assert answer.stderr == f"Missing: {TITLES}. To install it: sudo sh -c '{BY_HAND}'\n"
    assert answer.returncode == 1
    assert machine.called() == ["sudo -n true"]


def test_without_root_and_sudo_one_line_is_for_root(machine: Machine) -> None:
    machine.user(1000)
    answer = machine.has(*ALL)
    assert answer.stderr == f"Missing: {TITLES}. To install it, as root: {BY_HAND}\n"
    assert answer.returncode == 1
    assert machine.called() == []


def test_without_apt_get_one_line_names_the_debian_packages(machine: Machine) -> None:
    (machine.bin / "apt-get").unlink()
    answer = machine.has(*ALL)
    assert answer.stderr == f"Missing: {TITLES}. To install it on Debian, as root: {BY_HAND}\n"
    assert answer.returncode == 1


def test_a_failed_package_list_update_does_not_stop_the_install(
    machine: Machine,
) -> None:
    assert machine.has("chromium", update=100).returncode == 0
    assert machine.called() == apt_get("chromium-headless-shell")


def test_a_failure_of_apt_get_is_shown_with_one_line(machine: Machine) -> None:
    answer = machine.has(*TESTS, install=100)
    assert "E: no such package" in answer.stderr
    assert refusal(answer) == (
        "Missing: Chromium, PgBouncer, libfaketime. apt-get failed; to try it by hand: "
        "apt-get update && apt-get install -y --no-install-recommends chromium-headless-shell pgbouncer faketime"
    )


def test_a_package_that_is_too_old_does_not_count(machine: Machine) -> None:
    answer = machine.has("node", "chromium", node=1)
    assert refusal(answer).startswith("Missing: Node.js 18.18 or newer with npm. This machine's")


def test_a_python_without_venv_gets_the_venv_of_its_own_version(machine: Machine) -> None:
    shutil.copy(machine.bin / "id", machine.usr / "bin" / "python3.11")
    machine.program("python3.11", "exit 1\n")
    assert machine.has("python").returncode == 0
    assert machine.called() == apt_get("python3.11-venv")


def test_a_python_that_only_answers_with_an_error_is_skipped(machine: Machine) -> None:
    machine.program("python3.13", "exit 127\n")
    machine.program("python3.12")
    found = subprocess.run(
        [ROOT / ".ci/find-python"], env={"PATH": str(machine.bin)}, capture_output=True, check=True
    )
    assert found.stdout.decode().strip() == str(machine.bin / "python3.12")
    assert machine.has("python").returncode == 0
    assert machine.called() == []


@pytest.mark.parametrize(
    ("version", "fits"),
    [((3, 10), False), ((3, 11), True), ((3, 14), True), ((3, 15), True), ((3, 16), False)],
)
def test_python_3_11_to_3_15_is_accepted_and_no_other(
    version: tuple[int, int], *, fits: bool, machine: Machine
) -> None:
    pretend = f'exec {sys.executable} -c "import sys; sys.version_info = {version}; $2"\n'
    machine.program("python3", pretend)
    found = subprocess.run(
        [ROOT / ".ci/find-python"], env={"PATH": str(machine.bin)}, capture_output=True, check=False
    )
    assert (found.returncode == 0) is fits


@pytest.mark.parametrize(
    ("goal", "needs"),
    [
        ("run", "python"),
        ("test", "chromium faketime pgbouncer promtool python"),
        ("check", "node promtool python"),
        ("faults", "faketime python"),
    ],
)
def test_make_checks_all_needs_of_a_goal_at_once(goal: str, needs: str, tmp_path: Path) -> None:
    lint = tmp_path / "openapi" / "lint"
    lint.mkdir(parents=True)
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    for name in ("package.json", "package-lock.json"):
        (lint / name).touch()
    shutil.copy(ROOT / "Makefile", tmp_path)
    printed = subprocess.run(
        ["make", "--dry-run", "--directory", tmp_path, goal],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = printed.stdout.splitlines()
    assert [each for each in lines if "system-packages" in each] == [f".ci/system-packages {needs}"]


def test_ci_checks_all_needs_at_once() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert lines[-4:] == [f".ci/system-packages {' '.join(ALL)}", "", "make check", "make test"]
    assert not any("apt-get" in line for line in lines if not line.startswith("#"))


def test_the_same_versions_of_python_are_named_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.16"
    assert "not (3, 11) <= sys.version_info[:2] < (3, 16)" in (ROOT / ".ci/find-python").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert "WHEEL_PYTHONS := 3.11 3.12 3.13 3.14 3.15\n" in makefile
    for name in ("Makefile", ".ci/system-packages", "deploy/rehearse.sh", "README.md"):
        named = re.findall(r"Python (3\.\d+ to 3\.\d+)", (ROOT / name).read_text())
        assert set(named) == {"3.11 to 3.15"}, name
