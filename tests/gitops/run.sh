#!/usr/bin/env bash
# Builds what tests/gitops wants, Argo CD, Flux's kustomize-controller and helm (half an hour, once, into a
# cache), and runs it in a network namespace that has nothing but the loopback interface, and in a process
# namespace that takes everything along when it ends.
#
# --cached  builds none of these: ends with 3 where one is missing or the namespaces are not to be had
set -euo pipefail
cd "$(dirname "$0")/../.."
cached=${1:-}
unable() {
  echo "gitops: cannot run: $1" >&2
  if [ "$cached" = --cached ]; then exit 3; else exit 1; fi
}

for tool in git ip unshare tar; do
  command -v "$tool" >/dev/null || unable "$tool is missing"
done
alone=(unshare --net --pid --fork --kill-child --mount-proc)
[ "$(id -u)" = 0 ] || alone+=(--map-root-user)
"${alone[@]}" ip link set lo up 2>/dev/null || unable "no right to make namespaces; try as root"

GITOPS_ARGOCD=$(tools/argocd/build.sh "$@") || unable "Argo CD is not built: make gitops"
GITOPS_FLUX=$(tools/flux/build.sh "$@") || unable "kustomize-controller is not built: make gitops"
GITOPS_HELM=$(tools/helm/build.sh)
export GITOPS_ARGOCD GITOPS_FLUX GITOPS_HELM
test=(cargo test --quiet ${CI:+--locked} --test gitops)
"${test[@]}" --no-run
# What is killed does not tidy up.
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
# Offline: there is no network where it runs.
"${alone[@]}" bash -c 'trap "exit 130" INT TERM; ip link set lo up; "$@" & wait "$!"' gitops "${test[@]}" --offline
