#!/usr/bin/env bash
# Builds etcd, kube-apiserver, kube-controller-manager and kubectl from the Go module registry into a
# cache outside the tree (tools/build-go.sh), and prints the folder that holds them.
#
# CONTROLPLANE        a minor version that has a folder of pins here, such as 1.33; default: what is pinned here itself
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

module=$here${CONTROLPLANE:+/$CONTROLPLANE}
[ -f "$module/go.mod" ] || { echo "CONTROLPLANE=$CONTROLPLANE has no pins in $here" >&2; exit 1; }

. "$here/../build-go.sh"
k8s=$(sed -n 's/^[[:space:]]*k8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$module/go.mod" | head -n 1)
minor=${k8s#v1.}
minor=${minor%%.*}
go_cache "$here" "controlplane-$k8s"

x=k8s.io/component-base/version
strip="-s -w"
# Without the version flags the server calls itself v0.0.0 and clients complain.
versioned="$strip -X $x.gitVersion=$k8s -X $x.gitMajor=1 -X $x.gitMinor=$minor -X $x.gitTreeState=clean"

go_build "$module" etcd "$strip" ./etcd
go_build "$module" kube-apiserver "$versioned" k8s.io/kubernetes/cmd/kube-apiserver
go_build "$module" kube-controller-manager "$versioned" k8s.io/kubernetes/cmd/kube-controller-manager
go_build "$module" kubectl "$versioned" k8s.io/kubernetes/cmd/kubectl
echo "$bin"
