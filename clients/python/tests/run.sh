#!/usr/bin/env bash
# Runs one file of the Python package's tests; ctest calls it. The tests against other libraries run in the environment of
# the benchmarks, where those are, when there is one. KINDRED_PYTHON overrides the interpreter.
#
#   clients/python/tests/run.sh test_x.py [pytest options]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../../build/venv
python=${KINDRED_PYTHON:-$venv/functional/bin/python}
bench=$venv/bench/bin/python
if [[ -z "${KINDRED_PYTHON:-}" && " test_adapters.py test_readme.py " == *" ${1:-} "* ]] && "$bench" -c 'import pytest, safetensors' 2>/dev/null; then
  python=$bench
fi
if [ ! -x "$python" ]; then
  echo "no Python environment at $python: run scripts/python_env.sh functional tests/functional/requirements.txt (make test does)" >&2
  exit 1
fi
cd "$here"
exec "$python" -B -m pytest -q -rs -p no:cacheprovider "$@"
