#!/usr/bin/env bash
# Brings buf, which checks proto/, from PyPI into build/venv/buf. Prints its path. Exits 1 with the reason when it cannot
# be had.
set -euo pipefail
cd "$(dirname "$0")/.."

env_dir=$(timeout 300 scripts/python_env.sh buf proto/requirements.txt) || {
  echo "install_buf: pip could not install $(tail -n 1 proto/requirements.txt) (is PyPI reachable?)" >&2
  exit 1
}
echo "$env_dir/bin/buf"
