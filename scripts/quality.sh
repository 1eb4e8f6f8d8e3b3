#!/usr/bin/env bash
# Measures what the models recommend, through the product, beside the peers and the bars: build/quality.json, the same as a
# table, and docs/benchmarks.md. Arguments go to tests/bench/run.py (--only SCENARIO, --quick).
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh build bench
python=$(scripts/python_env.sh quality tests/quality/requirements.txt)/bin/python
scripts/build.sh release kindred kindred-server
exec "$python" tests/bench/run.py --scenarios tests/quality --bin-dir build/release/bin --out build/quality.json \
  --docs docs/benchmarks.md "$@"
