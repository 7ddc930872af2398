#!/usr/bin/env bash
# Builds kstatus, the judge of conditions, into a cache outside the tree (tools/build-go.sh), and prints
# its path.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../build-go.sh"
version=$(sed -n 's/^[[:space:]]*github.com\/fluxcd\/cli-utils \(v[0-9.]*\)$/\1/p' "$here/go.mod" | head -n 1)
go_cache "$here" "kstatus-$version"
go_build "$here" kstatus "-s -w" .
echo "$bin/kstatus"
