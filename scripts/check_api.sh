#!/usr/bin/env bash
# Checks proto/ by buf.yaml: names and style, and that no change breaks who uses the API as tests/compat/api.binpb has it.
# Ends with "api: ok" or with what is wrong. Needs no history, so it works in a shallow clone.
#
#   scripts/check_api.sh            the check
#   scripts/check_api.sh --renew    makes tests/compat/api.binpb anew; refused when a change breaks something
#   scripts/check_api.sh --break    makes it anew all the same
#
# Renew at a release, and whenever the API grew: only what is in the image is watched. --break is for what nobody uses
# yet: before the first release, or a field that no release had; the CHANGELOG then says what changed.
set -euo pipefail
cd "$(dirname "$0")/.."

image=tests/compat/api.binpb
die() {
  echo "api: $*" >&2
  exit 1
}
case ${1:-} in
  '' | --renew | --break) mode=${1:-} ;;
  *) die "unknown option '$1'; expected --renew, --break or none" ;;
esac
buf=$(scripts/install_buf.sh) || die "no buf, so the API is NOT CHECKED"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$buf" lint || die "proto/ against the rules of buf.yaml (above)"
"$buf" build --exclude-source-info -o "$scratch/now.binpb"
if [ "$mode" != --break ]; then
  [ -s "$image" ] || die "$image is not there; git checkout it"
  "$buf" breaking --against "$image" || die "this breaks who uses the API (above): keep the field and add a new one"
fi
if [ -n "$mode" ]; then
  cp "$scratch/now.binpb" "$image"
  echo "api: $image is made anew"
elif ! cmp -s "$scratch/now.binpb" "$image"; then
  echo "api: NOTE: the API grew since $image; make api-image has that watched too"
fi

# A check that cannot fail is none: the API without one of its fields must be refused.
cp -r proto buf.yaml "$scratch/"
sed -i '/^  string next_page_token = 11;$/d' "$scratch/proto/kindred/v1/recommendation_service.proto"
if (cd "$scratch" && "$buf" breaking --against "$OLDPWD/$image") >"$scratch/refused" 2>&1; then
  die "buf breaking lets a field be removed: the check is broken"
fi
grep -q '"next_page_token"' "$scratch/refused" || die "buf breaking failed otherwise: $(cat "$scratch/refused")"
echo "api: ok"
