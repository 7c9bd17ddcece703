"""Would a cluster take these manifests? Asked without one.

    python deploy/kubernetes/lint.py

kubectl puts together what an operator would apply (kustomize is in it; no cluster is asked), and
each object is held against the schemas of the oldest and the newest Kubernetes that these are
for, strictly: a field that is not known is an error. KEDA's kinds have a schema of our own
(keda.schema.json says why). Exits 1 with a line for each thing that is wrong.
"""

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

HERE = Path(__file__).resolve().parent
# preStop's `sleep` came with 1.30; 1.33 is the oldest that still gets fixes at the time of writing.
VERSIONS = ("1.33", "1.37")
BUILT = ("overlays/production", "overlays/production/migrate")
# Applied by hand, as they are.
SINGLE = ("overlays/production/namespace.yaml", "overlays/production/secrets.example.yaml")
Manifest = dict[str, Any]


class CannotBuild(Exception):
    """A kustomization does not come together; the message is kubectl's."""


@functools.cache
def built(folder: str) -> Sequence[Manifest]:
    """Every object of a kustomization, as an operator would apply it. Raises CannotBuild."""
    if not _kubectl():
        raise CannotBuild("kubectl is missing, and there is no wheel of it for this machine.")
    words = [_kubectl(), "kustomize", str(HERE / folder)]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if answer.returncode:
        raise CannotBuild(answer.stderr.strip())
    return list(yaml.safe_load_all(answer.stdout))


def single(file: str) -> Sequence[Manifest]:
    """Every object of a file."""
    return list(yaml.safe_load_all((HERE / file).read_text()))


def _kubectl() -> str:
    """The locked one; where no wheel of it exists (macOS), whichever is installed."""
    locked = Path(sys.executable).with_name("kubectl")
    return str(locked) if locked.exists() else shutil.which("kubectl") or ""


def problems(manifest: Manifest) -> Iterator[str]:
    """One sentence for each thing that is wrong with an object."""
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    check = _keda if manifest["apiVersion"].startswith("keda.sh/") else _kubernetes
    for problem in check(manifest):
        yield f"{name}: {problem}"


def _keda(manifest: Manifest) -> Iterator[str]:
    schema = json.loads((HERE / "keda.schema.json").read_text())
    if manifest["kind"] not in schema["$defs"]:
        yield "keda.schema.json has no such kind"
        return
    schema["$ref"] = f"#/$defs/{manifest['kind']}"
    for error in jsonschema.Draft202012Validator(schema).iter_errors(manifest):
        yield f"{error.json_path}: {error.message}"


def _kubernetes(manifest: Manifest) -> Iterator[str]:
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = ".".join(str(part) for part in error.path)
            yield f"{where}: {error.message} (Kubernetes {version})"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"Kubernetes {version} has no such kind in {manifest['apiVersion']}"


def main() -> int:
    """Say what is wrong; answer the exit code."""
    try:
        found = [each for folder in BUILT for each in built(folder)]
    except CannotBuild as error:
        sys.stdout.write(f"{error}\n")
        return 1
    found += [each for file in SINGLE for each in single(file)]
    wrong = [line for manifest in found for line in problems(manifest)]
    for line in wrong:
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{len(found)} objects, {len(wrong)} problems\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
