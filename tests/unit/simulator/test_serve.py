"""The simulator as a process: `python -m app.simulator`."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.harness.waiting import LIMIT
from tests.tls import TLS

ROOT = Path(__file__).resolve().parents[3]


def start(port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app.simulator", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], url: str) -> None:
    while True:
        assert process.poll() is None, process.communicate()[0]
        try:
            httpx.get(f"{url}/simulator/faults", timeout=LIMIT, trust_env=False, verify=TLS)
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return


def test_the_process_serves_logs_no_cut_connections_and_stops_on_a_signal() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process, url = start(port), f"http://127.0.0.1:{port}"
    try:
        wait_for(process, url)
        httpx.post(f"{url}/simulator/faults", json={"kind": "drop"}, trust_env=False, verify=TLS)
        headers = {"WM_QOS.CORRELATION_ID": "1", "WM_SVC.NAME": "Walmart Marketplace"}
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(
                f"{url}/v3/token", auth=("a", "b"), headers=headers, trust_env=False, verify=TLS
            )
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
    assert output == ""


def test_a_port_in_use_is_reported() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(taken.getsockname()[1])
        output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode != 0
    assert "address already in use" in output.lower()
