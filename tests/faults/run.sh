#!/usr/bin/env bash
# Runs the short version of one case; ctest calls it. KINDRED_PYTHON overrides the interpreter.
#
#   tests/faults/run.sh CASE OUT.json      KINDRED_BIN_DIR: the folder with kindred and kindred-server
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${KINDRED_PYTHON:-$here/../../build/venv/functional/bin/python}
if [ ! -x "$python" ]; then
  echo "no Python environment at $python: run scripts/python_env.sh functional tests/functional/requirements.txt (make test does)" >&2
  exit 1
fi
exec "$python" -B "$here/run.py" --bin-dir "$KINDRED_BIN_DIR" --quick --strict --only "$1" --out "$2"
