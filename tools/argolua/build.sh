#!/usr/bin/env bash
# Builds argolua, which runs the scripts for Argo CD in the interpreter of Argo CD, into a cache outside the
# tree (tools/build-go.sh), and prints its path.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../build-go.sh"
version=$(sed -n 's/^[[:space:]]*github.com\/yuin\/gopher-lua \(v[0-9.]*\)$/\1/p' "$here/go.mod" | head -n 1)
go_cache "$here" "argolua-$version"
go_build "$here" argolua "-s -w" .
echo "$bin/argolua"
