#!/usr/bin/env bash
# Makes the Python environment build/venv/NAME from a file of pinned requirements and prints its path.
# Does nothing when it is up to date.
#
#   scripts/python_env.sh NAME REQUIREMENTS_FILE
set -euo pipefail

die() {
  echo "python_env: $*" >&2
  exit 1
}

[ $# -eq 2 ] || die "usage: scripts/python_env.sh NAME REQUIREMENTS_FILE"
name=$1
[ -f "$2" ] || die "no such requirements file: $2"
requirements=$(realpath "$2")
cd "$(dirname "$0")/.."
env_dir=$PWD/build/venv/$name

python=
for candidate in /usr/bin/python3 python3; do
  if command -v "$candidate" >/dev/null &&
    "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(command -v "$candidate")
    break
  fi
done
[ -n "$python" ] || die "no Python 3.11 or newer with venv; run scripts/install_packages.sh test"

mkdir -p build/venv
exec 9>"build/venv/.$name.lock"
flock 9
want=$({ "$python" --version && cat "$requirements"; } | sha256sum | cut -d' ' -f1)
if [ "$(cat "$env_dir/.stamp" 2>/dev/null)" != "$want" ]; then
  echo "python ($name): installing what $2 lists" >&2
  rm -rf "$env_dir"
  "$python" -m venv "$env_dir" >&2 || die "$python could not make $env_dir"
  "$env_dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements" </dev/null >&2 9>&- ||
    die "pip could not install $2 into $env_dir (is PyPI reachable?)"
  echo "$want" >"$env_dir/.stamp"
fi
echo "$env_dir"
