#!/usr/bin/env bash
# Builds the reference operator into a cache outside the tree (tools/build-go.sh), and prints its path.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/build-go.sh"
version=$(sed -n 's/^[[:space:]]*sigs.k8s.io\/controller-runtime \(v[0-9.]*\)$/\1/p' "$here/go.mod" | head -n 1)
go_cache "$here" "reference-$version"
go_build "$here" reference "-s -w" .
echo "$bin/reference"
