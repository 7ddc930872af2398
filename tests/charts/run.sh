#!/usr/bin/env bash
# Tests the charts without a cluster: lint, one snapshot for each file of cases/, one refusal for each of
# refused/ (its first line is what the message must say), the definitions, and what is rendered from the
# charts into deploy/. With --update snapshots and deploy/ are written instead of compared. Also the scripts for
# Argo CD, by their own tests.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
helm=$(tools/helm/build.sh)
tests=tests/charts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HELM_CACHE_HOME=$work HELM_CONFIG_HOME=$work HELM_DATA_HOME=$work
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }

# What a user sees, without the paths of templates, which only move with them.
render() { # values file, further arguments
  local values=$1
  shift
  "$helm" template iot-operator charts/iot-operator --namespace iot-operator --values "$values" "$@" |
    sed '/^# Source: /d; /^$/d'
}

same() { # expected, found
  if [ "$update" = yes ]; then
    cp "$2" "$1"
  else
    diff -u "$1" "$2" >&2 || fail "$1 is not what the charts say; look at the difference, then make charts-update"
  fi
}

case "${1:-}" in
--update) update=yes ;;
'') update=no ;;
*) echo "unknown argument: $1" >&2; exit 2 ;;
esac

for chart in charts/*/; do
  "$helm" lint --strict --quiet "$chart" || fail "helm lint $chart"
done

for case in "$tests"/cases/*.yaml; do
  name=$(basename "$case")
  "$helm" lint --strict --quiet charts/iot-operator --values "$case" || fail "helm lint with $case"
  render "$case" >"$work/$name"
  same "$tests/snapshots/$name" "$work/$name"
done
for snapshot in "$tests"/snapshots/*.yaml; do
  [ -e "$tests/cases/$(basename "$snapshot")" ] || fail "$snapshot has no case"
done

for case in "$tests"/refused/*.yaml; do
  message=$(sed -n '1s/^# //p' "$case")
  if render "$case" >/dev/null 2>"$work/error"; then
    fail "$case is accepted"
  elif ! grep -qF -- "$message" "$work/error"; then
    fail "$case is refused, but not with: $message"
    cat "$work/error" >&2
  fi
done

# A refusal looks as docs/install.md shows it.
shown=$(sed -n '/^\$ helm template .* # charts$/,/^```$/p' docs/install.md | sed '1d;$d')
said=$("$helm" template charts/iot-operator --set replicas=-1 2>&1 >/dev/null || true)
[ -n "$shown" ] && [ "$shown" = "$(sed '/^$/d' <<<"$said")" ] || fail "docs/install.md shows another refusal than: $said"

# The definitions go out exactly as the code writes them, but for what the chart adds to metadata.
"$helm" template x charts/iot-operator-crds | sed '/^# Source: /d' >"$work/crds.yaml"
for crd in crds/*.yaml; do printf -- '---\n'; cat "$crd"; echo; done >"$work/expected"
added=$(diff <(grep -v '^$' "$work/expected") <(grep -v '^$' "$work/crds.yaml") | grep '^[<>]' || true)
grep -q '^>     helm.sh/resource-policy: keep$' <<<"$added" || fail "the definitions are not kept by helm uninstall"
rest=$(grep -vE '^>   (annotations|labels):$|^>     (helm\.sh/|app\.kubernetes\.io/)' <<<"$added" || true)
[ -z "$rest" ] || fail "the chart's definitions are not those of crds/: $rest"
"$helm" template x charts/iot-operator-crds --set keep=false | grep resource-policy >/dev/null && fail "keep: false keeps"

# One source of rights and of the Deployment: the chart.
note='# Rendered from charts/iot-operator by `make charts-update`; do not edit.'
labels='/^ *helm.sh\/chart: /d; s/^\( *app.kubernetes.io\/managed-by:\) Helm$/\1 manifests/'
{
  cat <<EOF
# What \`iot-operator run\` may do in a cluster: a namespace, a service account, and no more rights than the calls it
# makes. Secrets are read by name only, never listed or watched. docs/operations.md says which call needs what, and
# what is left to grant with --watch-namespaces.
$note
apiVersion: v1
kind: Namespace
metadata:
  name: iot-operator
  labels:
    pod-security.kubernetes.io/enforce: restricted
EOF
  render "$tests/cases/default.yaml" --show-only templates/serviceaccount.yaml --show-only templates/rbac.yaml \
    --show-only templates/admissionpolicy.yaml |
    sed "$labels"
} >"$work/rbac.yaml"
same deploy/rbac.yaml "$work/rbac.yaml"
{
  echo "$note"
  render "$tests/cases/default.yaml" --no-hooks | sed "$labels"
} >"$work/operator.yaml"
same deploy/kustomize/base/operator.yaml "$work/operator.yaml"

# Argo CD's scripts: each by its tests, and all as they go into argocd-cm.
argolua=$(tools/argolua/build.sh)
scripts=deploy/argocd/resource_customizations
"$argolua" "$scripts" || fail "the scripts for Argo CD"
{
  echo "# Rendered from resource_customizations by \`make charts-update\`; do not edit. Put it into argocd-cm:"
  echo "# kubectl --namespace argocd patch configmap argocd-cm --type merge --patch-file deploy/argocd/argocd-cm.yaml"
  "$argolua" --config "$scripts"
} >"$work/argocd-cm.yaml"
same deploy/argocd/argocd-cm.yaml "$work/argocd-cm.yaml"

for chart in charts/*/; do
  python3 charts/readme.py "$chart" >"$work/README.md"
  same "${chart}README.md" "$work/README.md"
done

[ "$failures" = 0 ] || { echo "$failures checks of the charts failed" >&2; exit 1; }
echo "charts: $(ls "$tests"/cases | wc -l) snapshots, $(ls "$tests"/refused | wc -l) refusals, definitions and manifests are good"
