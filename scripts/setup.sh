#!/usr/bin/env bash
# Usage: setup.sh PYTHON LOCKFILE. Fills .venv from a lock file with hashes: by uv where it is present, else by pip.
set -euo pipefail
python=$1 lock=$2
if [ -z "$python" ]; then
  echo "setup: Sago needs Python 3.11 or 3.12 on PATH (found: $(python3 --version 2>&1 || true)); name one with make PYTHON=/path/to/python3.12" >&2
  exit 1
fi
if [ "$(uname -s)-$(uname -m)" != "Linux-x86_64" ] && ! command -v redis-server >/dev/null; then
  echo "setup: no Redis comes with Sago for $(uname -s) $(uname -m); install redis-server first" >&2
  exit 1
fi
install() {
  if command -v uv >/dev/null; then
    VIRTUAL_ENV=.venv uv pip install --quiet --compile-bytecode "$@"
  else
    .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-input "$@"
  fi
}
[ -x .venv/bin/python ] || { echo "setup: making .venv with $("$python" --version)"; "$python" -m venv .venv; }
echo "setup: installing $lock"
install --require-hashes -r "$lock"
install --no-deps --no-build-isolation --editable .
# Five processes import the same modules at once: compiled ones start in half the time.
.venv/bin/python -m compileall -q sago workers celeryconfig.py
