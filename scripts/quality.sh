#!/usr/bin/env bash
# Measures what the models recommend, through the product, beside the peers and the bars: build/quality.json, the same as a
# table, and docs/benchmarks.md. Arguments (--only SCENARIO, --quick) go to tests/bench/run.py; then the rows are a part of
# the whole, go to build/quality-part.json, and the page stays as it is. `quality.sh choose …` chooses settings on
# validation events instead (tests/quality/choose.py).
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh build bench
python=$(scripts/python_env.sh quality tests/quality/requirements.txt)/bin/python
scripts/build.sh release kindred kindred-server
if [ "${1:-}" = choose ]; then exec "$python" tests/quality/choose.py "${@:2}"; fi
if [ $# -eq 0 ]; then set -- --out build/quality.json --docs docs/benchmarks.md; else set -- --out build/quality-part.json "$@"; fi
exec "$python" tests/bench/run.py --scenarios tests/quality --bin-dir build/release/bin "$@"
