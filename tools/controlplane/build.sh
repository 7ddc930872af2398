#!/usr/bin/env bash
# Builds etcd, kube-apiserver, kube-controller-manager and kubectl from the Go module registry into a
# cache outside the tree, and prints the folder that holds them. A program that is there is not built again.
#
# CONTROLPLANE_CACHE  the cache's folder; default ${XDG_CACHE_HOME:-$HOME/.cache}/iot-product-operator
# KUBEBUILDER_ASSETS  a folder that holds all four already: nothing is built
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
programs="etcd kube-apiserver kube-controller-manager kubectl"

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  for p in $programs; do
    [ -x "$KUBEBUILDER_ASSETS/$p" ] || { echo "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no $p" >&2; exit 1; }
  done
  echo "$KUBEBUILDER_ASSETS"
  exit 0
fi

k8s=$(sed -n 's/^[[:space:]]*k8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$here/go.mod" | head -n 1)
minor=${k8s#v1.}
minor=${minor%%.*}
key=$(cat "$here/go.mod" "$here/go.sum" "$here/build.sh" "$here/etcd/main.go" | sha256sum | cut -c1-12)
bin=${CONTROLPLANE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iot-product-operator}/controlplane-$k8s-$key
mkdir -p "$bin"

# One build at a time: a second caller waits here and then finds everything made.
exec 9>"$bin/.lock"
flock 9

export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
x=k8s.io/component-base/version
strip="-s -w"
# Without the version flags the server calls itself v0.0.0 and clients complain.
versioned="$strip -X $x.gitVersion=$k8s -X $x.gitMajor=1 -X $x.gitMinor=$minor -X $x.gitTreeState=clean"

build() { # program, linker flags, package
  [ ! -x "$bin/$1" ] || return 0
  echo "building $1 $k8s (the first time takes minutes; kept in $bin)" >&2
  local begun=$SECONDS
  (cd "$here" && go build -trimpath -ldflags "$2" -o "$bin/.$1.new" "$3") >&2 &
  local pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do kill -0 "$pid" 2>/dev/null && sleep 1 || break; done
    kill -0 "$pid" 2>/dev/null && echo "  … still building $1 ($((SECONDS - begun)) s)" >&2
  done
  wait "$pid"
  mv "$bin/.$1.new" "$bin/$1"
  echo "built $1 in $((SECONDS - begun)) s" >&2
}

build etcd "$strip" ./etcd
build kube-apiserver "$versioned" k8s.io/kubernetes/cmd/kube-apiserver
build kube-controller-manager "$versioned" k8s.io/kubernetes/cmd/kube-controller-manager
build kubectl "$versioned" k8s.io/kubernetes/cmd/kubectl
echo "$bin"
