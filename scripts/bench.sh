#!/usr/bin/env bash
# Measures Kindred against its peers in one run: build/bench.json, the same as a table, and docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh build bench
python=$(scripts/python_env.sh bench tests/bench/requirements.txt)/bin/python
scripts/build.sh bench
exec "$python" tests/bench/run.py --bin-dir build/bench/bin --out build/bench.json --docs docs/benchmarks.md
