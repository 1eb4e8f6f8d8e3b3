#!/usr/bin/env bash
# Installs the Debian 12 packages that Kindred needs and this machine lacks. Does nothing when all are there.
#
#   scripts/install_packages.sh GROUP…      groups: build, test, lint, bench
set -euo pipefail

# What each find_package of cmake/KindredDependencies.cmake needs; what those need themselves (gflags, snappy, lz4,
# curl, c-ares, re2, OpenSSL, fmt, …) comes as their dependencies.
build=(
  ccache cmake g++ git make ninja-build pkg-config
  libabsl-dev libcivetweb-dev libcli11-dev libeigen3-dev libevent-dev libgrpc++-dev libhiredis-dev libprotobuf-dev
  librocksdb-dev libspdlog-dev libssl-dev
  libxxhash-dev libyaml-cpp-dev libzstd-dev nlohmann-json3-dev prometheus-cpp-dev protobuf-compiler protobuf-compiler-grpc zlib1g-dev
  libbenchmark-dev libgmock-dev libgtest-dev
)
test=(ca-certificates chromium openssl python3 python3-venv redis-server)
command -v go >/dev/null || test+=(golang-go)
lint=(clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev ca-certificates python3 python3-venv)
bench=(ca-certificates python3 python3-venv redis-server)

die() {
  echo "install_packages: $*" >&2
  exit 1
}

[ $# -gt 0 ] || die "no group given; expected one or more of: build test lint bench"
wanted=()
for group in "$@"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    lint) wanted+=("${lint[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    *) die "unknown group '$group'; expected one or more of: build test lint bench" ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  die "this is not a Debian system (no dpkg-query or apt-get). Install these, as Debian 12 names them: ${wanted[*]}"
fi

find_missing() {
  missing=()
  for package in $(printf '%s\n' "${wanted[@]}" | sort -u); do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
  done
}

find_missing
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages ($*): all there"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    die "need root to install, and there is no sudo. As root, run: apt-get install ${missing[*]}"
  as_root=(sudo)
fi
apt() {
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" </dev/null
}
has_candidate() {
  [[ $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [^\(] ]]
}
update() {
  echo "packages: apt-get update"
  apt update -qq || die "apt-get update failed: is the network up, and does /etc/apt name a Debian 12 mirror?"
}

echo "packages ($*): installing ${missing[*]}"
for package in "${missing[@]}"; do
  if ! has_candidate "$package"; then
    update
    break
  fi
done
for package in "${missing[@]}"; do
  has_candidate "$package" ||
    die "package '$package' cannot be had from this machine's sources ($(. /etc/os-release && echo "$PRETTY_NAME")); Kindred is built against Debian 12 (bookworm), section main"
done
if ! apt install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
  echo "packages: the install failed; trying once more with fresh package lists"
  update
  apt install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || die "apt-get could not install: ${missing[*]}"
fi
find_missing
[ ${#missing[@]} -eq 0 ] || die "still missing after the install: ${missing[*]}"
echo "packages ($*): done"
