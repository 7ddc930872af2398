#!/usr/bin/env bash
# Builds Flux's kustomize-controller from the Go module registry into a cache outside the tree
# (tools/build-go.sh), and prints the folder that holds it and the definitions it wants: kustomize-controller,
# definitions/.
#
# go.mod and go.sum are kustomize-controller's own, because the replaces of a dependency do not count, with two
# changes: it is required, and its nested module api is replaced by the released one. A newer release: take
# both files over anew. source-controller's definitions are pinned in definitions/; the program itself needs a
# module that is not to be had.
#
# --cached  builds nothing: ends with 3 where something is missing
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../build-go.sh"
flux=github.com/fluxcd/kustomize-controller
version=$(sed -n "s#^require $flux \(v[0-9.]*\)\$#\1#p; s#^[[:space:]]*$flux \(v[0-9.]*\)\$#\1#p" "$here/go.mod" | head -n 1)
go_cache "$here" "flux-$version"
if [ "${1:-}" = --cached ] && ! { [ -x "$bin/kustomize-controller" ] && [ -d "$bin/definitions" ]; }; then
  exit 3
fi
go_build "$here" kustomize-controller "-s -w" "$flux"
if [ ! -d "$bin/definitions" ]; then
  rm -rf "$bin/.definitions.new"
  mkdir "$bin/.definitions.new"
  (cd "$here/definitions" && go mod download github.com/fluxcd/source-controller)
  for source in "$(cd "$here" && go list -m -f '{{.Dir}}' "$flux")" \
    "$(cd "$here/definitions" && go list -m -f '{{.Dir}}' github.com/fluxcd/source-controller)"; do
    cp "$source"/config/crd/bases/*.yaml "$bin/.definitions.new/"
  done
  chmod -R u+w "$bin/.definitions.new"
  mv "$bin/.definitions.new" "$bin/definitions"
fi
echo "$bin"
