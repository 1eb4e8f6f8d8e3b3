#!/usr/bin/env bash
# Configures and builds a preset into build/PRESET; without targets, everything.
#
#   scripts/build.sh PRESET [TARGET…]      KINDRED_JOBS: parallel jobs (default: cores, at most one per 2 GiB of memory)
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:?usage: scripts/build.sh PRESET [TARGET…]}
shift
by_memory=$(($(awk '/^MemTotal/ {print $2}' /proc/meminfo) / 2097152))
cores=$(nproc)
default_jobs=$((cores < by_memory ? cores : by_memory))
jobs=${KINDRED_JOBS:-$((default_jobs > 0 ? default_jobs : 1))}

# One cache for every checkout of this repository on the machine.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

mkdir -p build
# Parquet is read where Arrow can be had; the sanitizer builds go without it (cmake/KindredArrow.cmake).
case $preset in
  dev | release | bench)
    if [ "${KINDRED_PARQUET:-auto}" != off ] && ! scripts/fetch_arrow.sh --if-due >/dev/null; then
      echo "build: NOTE: no Arrow, so kindred is built without Parquet" >&2
    fi
    ;;
esac
if ! cmake --preset "$preset" >"build/configure-$preset.log" 2>&1; then
  cat "build/configure-$preset.log" >&2
  echo "build: cmake --preset $preset failed (above, and in build/configure-$preset.log)" >&2
  exit 1
fi
echo "build: $preset${*:+, $*} ($jobs jobs)"
if [ $# -gt 0 ]; then set -- --target "$@"; fi
cmake --build --preset "$preset" --parallel "$jobs" "$@"
