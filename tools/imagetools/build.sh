#!/usr/bin/env bash
# Builds what an image is made with, umoci and a list of certificate authorities, into a cache outside the
# tree (tools/build-go.sh), and prints the folder that holds them: umoci, ca-certificates.crt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../build-go.sh"
version=$(sed -n 's/^[[:space:]]*github.com\/opencontainers\/umoci \(v[0-9.]*\)$/\1/p' "$here/go.mod")
go_cache "$here" "umoci-$version"
go_build "$here" umoci "-s -w -X main.version=${version#v}" github.com/opencontainers/umoci/cmd/umoci
go_build "$here" roots "-s -w" ./roots
if [ ! -s "$bin/ca-certificates.crt" ]; then
  "$bin/roots" >"$bin/.ca-certificates.crt.new"
  mv "$bin/.ca-certificates.crt.new" "$bin/ca-certificates.crt"
fi
echo "$bin"
