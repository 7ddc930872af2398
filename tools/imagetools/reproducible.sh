#!/usr/bin/env bash
# Makes the images of the commit twice, from clean clones in folders of different names and without a common
# build folder, and compares what comes out. Run by `make image-reproducible`.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
[ -z "$(git -C "$root" status --porcelain)" ] || echo "note: changes that are not committed are left out" >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CARGO_TARGET_DIR
commit=$(git -C "$root" rev-parse HEAD)
for clone in one the-other-folder; do
  git clone --quiet --no-hardlinks "$root" "$work/$clone"
  git -C "$work/$clone" checkout --quiet --detach "$commit"
  echo "== $clone"
  "$work/$clone/tools/imagetools/image.sh" "$work/$clone.dist"
  # Build folders are large.
  rm -rf "$work/$clone"
done
cd "$work"
if diff <(cd one.dist && sha256sum ./*) <(cd the-other-folder.dist && sha256sum ./*); then
  echo "== the same, to the byte:"
  (cd one.dist && sha256sum ./*)
else
  echo "the two builds differ" >&2
  exit 1
fi
