#!/usr/bin/env bash
# Builds grpcurl, a gRPC client that we did not write and the functional tests use, into build/tools/bin with Go.
# Prints its path. Exits 1 with the reason when it cannot be had (no Go, no Go module proxy).
set -euo pipefail
cd "$(dirname "$0")/.."

# The newest release that the Go of Debian 12 (1.19) compiles.
version=v1.8.9
binary=$PWD/build/tools/bin/grpcurl
stamp=$binary.$version

if [ ! -x "$binary" ] || [ ! -e "$stamp" ]; then
  command -v go >/dev/null || {
    echo "install_grpcurl: no go on PATH; run scripts/install_packages.sh test" >&2
    exit 1
  }
  mkdir -p build/tools/bin
  echo "grpcurl: building $version" >&2
  GOBIN=$PWD/build/tools/bin GOFLAGS=-buildvcs=false timeout 300 go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$version" </dev/null >&2 || {
    echo "install_grpcurl: go could not build grpcurl $version (is the Go module proxy reachable?)" >&2
    exit 1
  }
  touch "$stamp"
fi
echo "$binary"
