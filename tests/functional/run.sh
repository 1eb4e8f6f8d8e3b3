#!/usr/bin/env bash
# Runs one file of functional tests; ctest calls it. KINDRED_PYTHON overrides the interpreter.
#
#   tests/functional/run.sh test_x.py [pytest options]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${KINDRED_PYTHON:-$here/../../build/venv/functional/bin/python}
if [ ! -x "$python" ]; then
  echo "no Python environment at $python: run scripts/python_env.sh functional tests/functional/requirements.txt (make test does)" >&2
  exit 1
fi
cd "$here"
exec "$python" -B -m pytest -q -rs -p no:cacheprovider "$@"
