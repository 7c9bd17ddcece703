"""`python -m bench.starts [rounds] [folder]`: processor time and memory of each command's start.

Each command runs until its first query, which a port without a database refuses. A poller would
wait for its database, so `python -m bench.cost` measures that one. With the folder of another
checkout it measures both in turn, and prints the ratio to the other. Of the processor times the
least counts: a busy machine only adds to it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet

from tests.processes import free_port

_STORE = ("--store", "shop")
_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "--help": (),
    "serve": ("--no-poller", "--port", "{port}"),
    "migrate": (),
    "doctor": (),
    "reconcile": (),
    "recover": (),
    "rotate-secrets": (),
    "erase": ("--order", "1"),
    "import-shipments": ("{file}", *_STORE),
    "sign-in": ("--name", "somebody"),
    "keys": ("list",),
    "webhooks": ("subscribe", *_STORE, "--url", "https://shop.example"),
    "notifications": ("replay", *_STORE, "--since", "1h"),
}
_HERE = Path(__file__).resolve().parent.parent


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    checkouts = [_HERE, *(Path(each).resolve() for each in sys.argv[2:3])]
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("purchase_order_number,carrier_name,tracking_number\n1,UPS,1Z\n")
        file.flush()
        for name, words in _COMMANDS.items():
            given = [each.format(port=free_port(), file=file.name) for each in words]
            found = _measured([name, *given], checkouts, rounds)
            seconds = [min(each)[0] for each in found]
            line = "  ".join(
                f"{min(each)[0] * 1e3:5.0f} ms {each[-1][1]:4.0f} MiB" for each in found
            )
            print(f"{name:17} {line}  {seconds[0] / seconds[-1]:5.2f}", flush=True)
    return 0


def _measured(
    words: list[str], checkouts: list[Path], rounds: int
) -> list[list[tuple[float, float]]]:
    """Seconds of processor time and the most MiB, of each round in each checkout."""
    found: list[list[tuple[float, float]]] = [[] for _ in checkouts]
    for _ in range(rounds):
        for checkout, figures in zip(checkouts, found, strict=True):
            figures.append(_run(words, checkout))
    return found


def _run(words: list[str], checkout: Path) -> tuple[float, float]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        # Modules are compiled once, as in an image.
        "PYTHONDONTWRITEBYTECODE": "",
        "WAYBILL_DATABASE_URL": f"postgresql://waybill@127.0.0.1:{free_port()}/waybill",
        "WAYBILL_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", "from app.cli.main import main; main()", *words],
        cwd=checkout,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
