#!/usr/bin/env bash
# Builds what tests/gitops wants, Argo CD, Flux's kustomize-controller and helm (half an hour, once, into a
# cache), and runs it in a network namespace that has nothing but the loopback interface, and in a process
# namespace that takes everything along when it ends.
#
# --hindrance  only says what keeps it from being run at once, and ends with 1 where something does
set -euo pipefail
cd "$(dirname "$0")/../.."
unable() {
  echo "$1"
  exit 1
}

for tool in git ip unshare tar; do
  command -v "$tool" >/dev/null || unable "$tool is missing"
done
alone=(unshare --net --pid --fork --kill-child --mount-proc)
[ "$(id -u)" = 0 ] || alone+=(--map-root-user)
"${alone[@]}" ip link set lo up 2>/dev/null || unable "no right to make namespaces; try as root"

if [ "${1:-}" = --hindrance ]; then
  tools/argocd/build.sh --cached >/dev/null || unable "Argo CD is not built; make gitops builds it"
  tools/flux/build.sh --cached >/dev/null || unable "kustomize-controller is not built; make gitops builds it"
  exit 0
fi
GITOPS_ARGOCD=$(tools/argocd/build.sh)
GITOPS_FLUX=$(tools/flux/build.sh)
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
