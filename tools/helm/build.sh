#!/usr/bin/env bash
# Builds helm from the Go module registry into a cache outside the tree (tools/build-go.sh), and prints its
# path.
#
# HELM  a helm to use instead: nothing is built
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ -n "${HELM:-}" ]; then
  echo "$HELM"
  exit 0
fi
. "$here/../build-go.sh"
version=$(sed -n 's/^\(require\)\{0,1\}[[:space:]]*helm.sh\/helm\/v4 \(v[0-9.]*\)$/\2/p' "$here/go.mod" | head -n 1)
go_cache "$here" "helm-$version"
go_build "$here" helm "-s -w -X helm.sh/helm/v4/internal/version.version=$version" helm.sh/helm/v4/cmd/helm
echo "$bin/helm"
