#!/usr/bin/env bash
# Brings Arrow C++ for reading Parquet: the libraries and headers inside the pinned pyarrow wheel, installed by pip into
# build/venv/arrow. Prints the folder. Does nothing where Arrow's own development files are installed (prints nothing).
# Exits 1 with the reason when it cannot be had; kindred then builds without Parquet.
#
#   scripts/fetch_arrow.sh [--if-due]    --if-due: not again within an hour of a failure
set -euo pipefail
cd "$(dirname "$0")/.."

if pkg-config --exists arrow parquet 2>/dev/null; then exit 0; fi
failed=build/venv/.arrow-failed
if [ "${1:-}" = --if-due ] && [ -n "$(find "$failed" -mmin -60 2>/dev/null)" ]; then
  echo "fetch_arrow: it failed within the last hour; scripts/fetch_arrow.sh tries again" >&2
  exit 1
fi
mkdir -p build/venv
export PIP_RETRIES=${PIP_RETRIES:-1} PIP_DEFAULT_TIMEOUT=${PIP_DEFAULT_TIMEOUT:-20}
if ! env_dir=$(timeout 600 scripts/python_env.sh arrow trainer/data/arrow_requirements.txt); then
  touch "$failed"
  echo "fetch_arrow: no pyarrow wheel (is PyPI reachable?)" >&2
  exit 1
fi
rm -f "$failed"
"$env_dir/bin/python" -c 'import importlib.util, os; print(os.path.dirname(importlib.util.find_spec("pyarrow").origin))'
