#!/usr/bin/env bash
# Builds Argo CD (one program that is every part of it, by the name it is called as) and the cache it wants
# from the Go module registry into a cache outside the tree (tools/build-go.sh), and prints the folder that
# holds them: argocd, redis, git-verify-wrapper.sh, gpg-wrapper.sh, manifests/.
#
# go.mod and go.sum are Argo CD's own, because the replaces of a dependency do not count, with two changes:
# it is required, and its nested module gitops-engine is replaced by what the release's commit holds (a
# require of that sorts below the one that is there). `go mod tidy` cannot run: it walks the tests of
# dependencies, and some of those are not to be had. A newer release: take both files over anew.
#
# --cached  builds nothing: ends with 3 where something is missing
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../build-go.sh"
argo=github.com/argoproj/argo-cd/v3
version=$(sed -n "s#^require $argo \(v[0-9.]*\)\$#\1#p; s#^[[:space:]]*$argo \(v[0-9.]*\)\$#\1#p" "$here/go.mod" | head -n 1)
go_cache "$here" "argocd-$version"
if [ "${1:-}" = --cached ] && ! { [ -x "$bin/argocd" ] && [ -x "$bin/redis" ] && [ -d "$bin/manifests" ]; }; then
  exit 3
fi
go_build "$here" redis "-s -w" ./redis
go_build "$here" argocd "-s -w -X $argo/common.version=${version#v}" "$argo/cmd"
if [ ! -d "$bin/manifests" ]; then
  source=$(cd "$here" && go list -m -f '{{.Dir}}' "$argo")
  # The repo-server runs these two for every manifest, also without signatures.
  install -m 755 "$source/hack/git-verify-wrapper.sh" "$source/hack/gpg-wrapper.sh" "$bin/"
  rm -rf "$bin/.manifests.new"
  cp -r "$source/manifests" "$bin/.manifests.new"
  chmod -R u+w "$bin/.manifests.new"
  mv "$bin/.manifests.new" "$bin/manifests"
fi
echo "$bin"
