#!/usr/bin/env bash
# Kindred from nothing to answers: installs what is missing, builds, trains the grocery sample, serves it, asks it over
# gRPC, stops it. Leaves the model store at build/demo/models. Ends with "demo: ok".
#
# KINDRED_BIN_DIR: use the programs there and build nothing. KINDRED_DEMO_DIR: work there instead of in build/demo.
set -euo pipefail
cd "$(dirname "$0")/.."

data=tests/data/completejourney
demo=${KINDRED_DEMO_DIR:-build/demo}
bundle=$demo/models/groceries/1/bundle.safetensors
household=676
newcomer=newcomer
bin=${KINDRED_BIN_DIR:-build/release/bin}
server_pid=

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
die() {
  echo "demo: $*" >&2
  exit 1
}
stop_server() {
  [ -n "$server_pid" ] || return 0
  local pid=$server_pid
  server_pid=
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid"
}
on_exit() {
  local code=$?
  stop_server || true
  if [ "$code" -ne 0 ]; then
    [ ! -s "$demo/server.log" ] || tail -n 5 "$demo/server.log" >&2
    echo "demo: FAILED (exit $code)" >&2
  fi
}
trap on_exit EXIT
trap 'exit 130' INT TERM

mkdir -p "$demo"
rm -f "$demo/server.log"
if [ -n "${KINDRED_BIN_DIR:-}" ]; then
  echo "build: using $bin"
else
  scripts/install_packages.sh build
fi
if [ -n "${KINDRED_BIN_DIR:-}" ]; then
  :
elif [ -t 1 ]; then
  scripts/build.sh release kindred kindred_server_main
else
  echo "build: kindred and kindred-server, log in $demo/build.log"
  scripts/build.sh release kindred kindred_server_main >"$demo/build.log" 2>&1 || { tail -n 40 "$demo/build.log" >&2; die "the build failed"; }
fi

say "1. Train: a year of groceries becomes one bundle"
train=(train nmf
  --interactions "$data/transactions.csv.gz" --user-column household_id --item-column product_id
  --items "$data/products.csv.gz" --item-name-column name --category-columns department,product_category
  --factors 24 --min-item-users 10 --model groceries --source "Complete Journey sample (CC0)")
want=$({ "$bin/kindred" --version && echo "${train[@]}" && cat "$data"/*.csv.gz; } | sha256sum)
if [ "$(cat "$demo/trained" 2>/dev/null)" != "$want" ] || ! "$bin/kindred" verify "$bundle" >/dev/null 2>&1; then
  rm -rf "$demo/trained" "$demo/models/groceries"
  echo "$ kindred train nmf --interactions transactions.csv.gz --items products.csv.gz --factors 24 … --out bundle.safetensors"
  "$bin/kindred" "${train[@]}" --out "$demo/bundle.safetensors" 2>"$demo/train.log" || { cat "$demo/train.log" >&2; die "the training failed"; }
  echo "$ kindred publish bundle.safetensors $demo/models/groceries"
  "$bin/kindred" publish "$demo/bundle.safetensors" "$demo/models/groceries" --quiet
  echo "$want" >"$demo/trained"
else
  echo "$bundle is up to date"
fi
echo "$ kindred verify $bundle"
"$bin/kindred" verify "$bundle"

say "2. Serve: kindred-server maps the bundle; profiles go to its own disk"
rm -rf "$demo/profiles" "$demo/items" "$demo/model-state"
: >"$demo/ready"
"$bin/kindred-server" --models "$demo/models" --profiles "embedded:$demo/profiles" --listen 127.0.0.1:0 \
  --admin 127.0.0.1:0 --admin-grpc 127.0.0.1:0 --items "$demo/items" \
  --model-state "$demo/model-state" </dev/null >"$demo/ready" 2>"$demo/server.log" &
server_pid=$!
for _ in $(seq 600); do
  if grep -q '^kindred-server ready' "$demo/ready"; then break; fi
  kill -0 "$server_pid" 2>/dev/null || die "kindred-server stopped before it was ready"
  sleep 0.1
done
grep '^kindred-server ready' "$demo/ready" || die "kindred-server was not ready within a minute"
KINDRED_SERVER=$(sed -n 's/.* grpc=\([^ ]*\).*/\1/p' "$demo/ready")
export KINDRED_SERVER

# ask ARGS…: shows the command and runs it.
ask() {
  echo "$ kindred query $*"
  "$bin/kindred" query "$@"
}

say "3. Household $household, which the model was trained with"
echo "What it buys most often, from the data:"
zcat "$data/transactions.csv.gz" | awk -F, -v household="$household" '
  NR == FNR { if ($1 == household) times[$2]++; next }
  $1 in times { printf "%d,%s,%s,%s / %s\n", times[$1], $1, $2, $3, $4 }' - <(zcat "$data/products.csv.gz") |
  sort -t, -k1,1nr -k2,2n | awk -F, 'NR <= 8 { printf "  %3d×  %-8s  %-38.38s  %.44s\n", $1, $2, $3, $4 }'
echo
echo "What it has not bought yet and would like:"
ask recommend --user "$household" -k 8

say "4. Products like strawberries"
ask similar --item 1127831 -k 5

say "5. A household nobody has seen"
ask recommend --user "$newcomer" -k 5
echo
echo "It buys three things, grape tomatoes, cucumbers and chicken breast:"
ask update --user "$newcomer" --event 6034857:1:purchase 860776:1:purchase 916122:1:purchase
echo
ask recommend --user "$newcomer" -k 8
echo
echo "Why? Its traits, each named by its strongest products:"
ask profile --user "$newcomer" --limit 4

say "6. Stop: the server drains and exits"
stop_server || die "kindred-server did not exit 0"
echo "kindred-server exited 0; the model store stays at $demo/models, its profiles at $demo/profiles"
echo
echo "demo: ok"
