"""An environment of its own for a client of a public registry: a venv, or a folder of npm."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "compatibility"
INSTALL_LIMIT, RUN_LIMIT = 300, 120
"""Seconds for an installation, and for a program or command."""


@dataclass(frozen=True)
class Result:
    """An operation of a client, and why it does not work; empty if it works."""

    operation: str
    why: str


@dataclass(frozen=True)
class Client:
    """An entry of clients.toml, which explains the fields."""

    name: str
    version: str
    registry: str
    door: str
    program: str = ""
    operation: str = "start"
    command: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where its environment is made."""
        return BUILD / self.name.replace("/", "-")

    def install(self) -> None:
        """Make the environment anew. Raises CalledProcessError or TimeoutExpired."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for file in (HERE / "programs").iterdir():
            shutil.copy(file, self.folder)
        if self.registry == "npm":
            wanted = [f"{self.name}@{self.version}", *self.packages]
            _call(
                ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *wanted],
                self.folder,
            )
        else:
            wanted = [f"{self.name}=={self.version}", *self.packages]
            uv = [sys.executable, "-m", "uv", "--quiet"]
            _call([*uv, "venv", "--python", sys.executable, "venv"], self.folder)
            _call([*uv, "pip", "install", "--python", "venv", *wanted], self.folder)

    def run(self, given: Mapping[str, Any]) -> list[Result]:
        """Run its program or command; a line of JSON for each operation is a result."""
        environment = {**os.environ, "COMPATIBILITY": json.dumps(given), "PATH": self._path()}
        try:
            done = _run(self._words(), self.folder, environment, RUN_LIMIT)
        except subprocess.TimeoutExpired:
            return [Result(self.operation, f"No end after {RUN_LIMIT} s")]
        results = [
            Result(**json.loads(line)) for line in done.stdout.splitlines() if line[:2] == '{"'
        ]
        if done.returncode or not results:
            why = _reason(done.stderr or done.stdout) if done.returncode else ""
            results.append(Result(self.operation, why))
        return results

    def _path(self) -> str:
        own = ("venv/bin", "node_modules/.bin")
        return os.pathsep.join([*(str(self.folder / each) for each in own), os.environ["PATH"]])

    def _words(self) -> list[str]:
        if self.program:
            return ["python" if self.program.endswith(".py") else "node", self.program]
        out = self.folder / "out"
        out.mkdir()
        places = {
            "document": ROOT / "openapi" / "openapi.json",
            "lint": ROOT / "openapi" / "lint",
            "clients": ROOT / "openapi" / "clients",
            "out": out,
        }
        return [word.format(**places) for word in self.command]


def clients() -> tuple[list[Client], list[dict[str, str]]]:
    """The clients of clients.toml, and what cannot be run, with the reason."""
    read = tomllib.loads((HERE / "clients.toml").read_text())
    return list(_clients(read["client"])), read["other"]


def _clients(entries: Sequence[dict[str, Any]]) -> Iterator[Client]:
    for entry in entries:
        packages = tuple(entry.pop("with", ()))
        command = tuple(entry.pop("command", ()))
        yield Client(**entry, command=command, packages=packages)


def install_failure(error: subprocess.SubprocessError) -> str:
    """Why an installation failed, in a line."""
    if isinstance(error, subprocess.CalledProcessError):
        return f"It cannot be installed: {_reason(error.stderr)}"
    return f"It is not installed after {INSTALL_LIMIT} s"


def _call(words: Sequence[str], folder: Path) -> None:
    _run(words, folder, os.environ, INSTALL_LIMIT).check_returncode()


def _run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], limit: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=folder,
        env=environment,
        timeout=limit,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _reason(output: str) -> str:
    """The line of a program's output that says why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line]
    return (telling or lines or ["no output"])[-1]
