#!/usr/bin/env bash
# Builds and runs every test in the release preset, then the core's unit tests under AddressSanitizer and
# UndefinedBehaviorSanitizer. Ends with "test: ok (N tests)" or with what failed.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh build test
scripts/python_env.sh functional tests/functional/requirements.txt >/dev/null
if ! scripts/install_grpcurl.sh >/dev/null; then
  echo "test: NOTE: no grpcurl, so the tests that use it will be skipped" >&2
fi

failed=()
total=0
# run_suite PRESET [ctest options]: appends to failed, adds to total.
run_suite() {
  local preset=$1 log=build/ctest-$1.log before=${#failed[@]}
  local list=build/$1/Testing/Temporary/LastTestsFailed.log
  shift
  rm -f "$list"
  if ! ctest --preset "$preset" --parallel "$(nproc)" --no-tests=error "$@" </dev/null 2>&1 | tee "$log"; then
    if [ -f "$list" ]; then
      while IFS=: read -r _ name; do
        failed+=("$preset: $name")
      done <"$list"
    fi
    [ ${#failed[@]} -gt "$before" ] || failed+=("$preset: ctest itself (see $log)")
  fi
  local count
  count=$(sed -n 's/^.*tests failed out of \([0-9]*\)$/\1/p' "$log")
  total=$((total + ${count:-0}))
}

scripts/build.sh release
run_suite release
# Where bytes from outside are read and pointers are counted by hand. The trainer's suite is left to the preset itself
# (scripts/build.sh asan trainer_families_tests): its matrix code alone would double the time.
scripts/build.sh asan base_tests bundle_tests compat_tests engine_tests fuzz_bundle fuzz_pickle kernels_tests lifecycle_tests packing_tests \
  profile_tests solve_tests topk_allocation_tests topk_tests
run_suite asan --label-regex '^unit$'

if [ ${#failed[@]} -gt 0 ]; then
  echo
  printf 'failed: %s\n' "${failed[@]}"
  echo "test: ${#failed[@]} of $total tests failed"
  exit 1
fi
echo "test: ok ($total tests)"
