#!/usr/bin/env bash
# Breaks what Kindred depends on, under load, and checks that nothing fails and nothing is lost: build/faults.json, the same
# as a table, and docs/benchmarks.md. Arguments (--only CASE, --quick, --seed N) go to tests/faults/run.py; then the rows are
# a part of the whole, go to build/faults-part.json, and the page stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh build test
python=$(scripts/python_env.sh functional tests/functional/requirements.txt)/bin/python
scripts/build.sh release kindred kindred-server
if [ $# -eq 0 ]; then set -- --out build/faults.json --docs docs/benchmarks.md; else set -- --out build/faults-part.json "$@"; fi
exec "$python" tests/faults/run.py --bin-dir build/release/bin --strict "$@"
