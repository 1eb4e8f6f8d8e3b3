#!/usr/bin/env bash
# Formatting, include directions, scripts, the API, and clang-tidy over our sources. Ends with "lint: ok" or with what is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh build lint
problems=0
complain() {
  echo "lint: $*"
  problems=$((problems + 1))
}

mapfile -t sources < <(git ls-files '*.h' '*.cc')
mapfile -t scripts < <(git ls-files '*.sh' '.ci/run')
mapfile -t python < <(git ls-files '*.py')

clang-format-14 --dry-run --Werror "${sources[@]}" || complain "not formatted: run make fmt"
python3 tests/check_includes.py || complain "includes against the arrows of docs/architecture.md"
scripts/check_api.sh || complain "the API (above)"
for script in "${scripts[@]}"; do
  bash -n "$script" || complain "$script: shell syntax"
  [ -x "$script" ] || complain "$script is not executable"
done
for script in "${python[@]}"; do
  python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$script" || complain "$script: syntax"
done
for file in $(git ls-files 'tests/functional/test_*.py'); do
  grep -qF "(${file##*/}" tests/functional/CMakeLists.txt ||
    complain "$file is not in tests/functional/CMakeLists.txt, so ctest does not run it"
done
if git grep -nE 'file\(GLOB' -- CMakeLists.txt '*/CMakeLists.txt' '*.cmake'; then complain "sources are listed, not globbed"; fi
if git grep -nE 'DISABLED_|TO''DO|FIX''ME|X''XX|GTEST_SKIP\(\) *;' -- '*.cc' '*.h' '*.py' '*.proto' '*.cmake'; then
  complain "unfinished or switched off"
fi

# The generated headers must be there; after make test this does nothing.
scripts/build.sh release kindred_proto >/dev/null
mapfile -t units < <(git ls-files 'core/*.cc' 'trainer/*.cc' 'server/*.cc' 'clients/*.cc')
echo "lint: clang-tidy over ${#units[@]} files"
printf '%s\0' "${units[@]}" |
  xargs -0 -n 2 -P "$(nproc)" clang-tidy-14 --quiet --extra-arg=-Wno-unknown-warning-option -p build/release 2>/dev/null ||
  complain "clang-tidy found something (above)"

if [ "$problems" -gt 0 ]; then
  echo "lint: $problems problems"
  exit 1
fi
echo "lint: ok"
