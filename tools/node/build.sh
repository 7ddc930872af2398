#!/usr/bin/env bash
# Builds what a node of Kubernetes runs, beside the control plane of tools/controlplane, into a cache outside
# the tree (tools/build-go.sh), and prints the folder that holds it: kubelet, kube-scheduler, kube-proxy,
# containerd with its shim and ctr, runc, cni/, coredns, nft, pause, busybox.
#
# With --cached nothing is built: it fails where something is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../build-go.sh"
version_of() { # module, folder with its go.mod
  sed -n "s|^\(require\)\{0,1\}[[:space:]]*$1 \(v[0-9.]*\)\( //.*\)\{0,1\}$|\2|p" "$here/$2/go.mod" | head -n 1
}
k8s=$(version_of k8s.io/kubernetes .)
minor=${k8s#v1.}
minor=${minor%%.*}
go_cache "$here" "node-$k8s"
mkdir -p "$bin/cni" "$bin/.cni"
programs="kubelet kube-scheduler kube-proxy containerd containerd-shim-runc-v2 ctr cni/bridge cni/loopback
  cni/host-local coredns runc nft pause busybox"
if [ "${1:-}" = --cached ]; then
  for p in $programs; do
    [ -x "$bin/$p" ] || { echo "$bin has no $p" >&2; exit 1; }
  done
  echo "$bin"
  exit 0
fi

# Packages of Debian are unpacked into the cache and not installed: it needs no root and changes no machine.
from_debian() { # name of a folder in the cache, packages
  local to=$bin/$1 work deb
  shift
  [ ! -d "$to" ] || return 0
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    { echo "missing: $* (here is no Debian to take it from; install it)" >&2; exit 1; }
  work=$(mktemp -d)
  (cd "$work" && apt-get -qq download "$@") >&2 ||
    { echo "apt-get cannot download $*; after apt-get update it may" >&2; exit 1; }
  mkdir "$work/tree"
  for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$work/tree"; done
  mv "$work/tree" "$to"
  rm -rf "$work"
}

strip="-s -w"
x=k8s.io/component-base/version
# Without the version flags the kubelet calls itself v0.0.0.
versioned="$strip -X $x.gitVersion=$k8s -X $x.gitMajor=1 -X $x.gitMinor=$minor -X $x.gitTreeState=clean"
for p in kubelet kube-scheduler kube-proxy; do
  go_build "$here" "$p" "$versioned" "k8s.io/kubernetes/cmd/$p"
done

c=github.com/containerd/containerd/v2
containerd="$strip -X $c/version.Version=$(version_of $c containerd)"
for p in containerd containerd-shim-runc-v2 ctr; do
  GOFLAGS="$GOFLAGS -tags=no_btrfs,no_devmapper,no_zfs,no_tracing" go_build "$here/containerd" "$p" "$containerd" "$c/cmd/$p"
done
for p in main/bridge main/loopback ipam/host-local; do
  go_build "$here/containerd" "cni/${p#*/}" "$strip" "github.com/containernetworking/plugins/plugins/$p"
done

# runc is C in part, and static, as it runs where the pod's files are.
if ! [ -x "$bin/runc" ]; then
  if ! pkg-config --exists libseccomp 2>/dev/null; then
    from_debian seccomp libseccomp-dev
    export PKG_CONFIG_SYSROOT_DIR=$bin/seccomp
    PKG_CONFIG_PATH=$(dirname "$(find "$bin/seccomp" -name libseccomp.pc)")
    export PKG_CONFIG_PATH
  fi
  r=github.com/opencontainers/runc
  CGO_ENABLED=1 GOFLAGS="$GOFLAGS -tags=seccomp,netgo,osusergo,urfave_cli_no_docs" go_build "$here/runc" runc \
    "$strip -X main.version=$(version_of $r runc) -linkmode external -extldflags -static" "$r"
fi

# Holds the network of a pod. Its source is of the Kubernetes module.
if ! [ -x "$bin/pause" ]; then
  source=$(cd "$here" && go list -m -f '{{.Dir}}' k8s.io/kubernetes)/build/pause/linux/pause.c
  cc -Os -Wall -static -s -DVERSION="$k8s" -o "$bin/.pause.new" "$source"
  mv "$bin/.pause.new" "$bin/pause"
fi

# kube-proxy writes its rules by it.
if ! [ -x "$bin/nft" ]; then
  if nft=$(command -v nft); then
    ln -s "$nft" "$bin/nft"
  else
    from_debian nftables nftables libnftables1 libnftnl11 libmnl0 libjansson4 libxtables12 libedit2 libbsd0 libmd0 \
      libgmp10 libtinfo6
    # shellcheck disable=SC2016 # of the script that is written
    printf '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")/nftables\nLD_LIBRARY_PATH=$(echo "$here"/usr/lib/*-linux-gnu):$(echo "$here"/lib/*-linux-gnu) exec "$here/usr/sbin/nft" "$@"\n' >"$bin/.nft.new"
    chmod +x "$bin/.nft.new"
    "$bin/.nft.new" --version >/dev/null
    mv "$bin/.nft.new" "$bin/nft"
  fi
fi

# The program of a consumer of Secrets.
if ! [ -x "$bin/busybox" ]; then
  from_debian busybox.deb busybox-static
  cp "$bin/busybox.deb/bin/busybox" "$bin/.busybox.new"
  mv "$bin/.busybox.new" "$bin/busybox"
fi

go_build "$here/dns" coredns "$strip" .
echo "$bin"
