# How the story looks at what it shows. Sourced by run.sh.
simulator=http://iot-simulator.iot-operator:8080

step() { printf '\n=== %s\n' "$*"; }
say() { printf '  %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# Shows a command and runs it.
show() { printf '$ %s\n' "$*"; "$@"; }
kubectl() { on_node "$plane/kubectl" --kubeconfig "$run/admin.kubeconfig" "$@"; }
helm() { KUBECONFIG=$run/admin.kubeconfig HELM_CACHE_HOME=$run/helm HELM_CONFIG_HOME=$run/helm HELM_DATA_HOME=$run/helm on_node "$helm" "$@"; }

same() { # what, expected, found
  [ "$2" = "$3" ] || fail "$1: expected $2, found $3"
  say "$1: $3"
}

# Looks until a command succeeds; what it printed last is told when it does not.
until_seen() { # seconds, what, command
  local until=$((SECONDS + $1)) what=$2 seen
  shift 2
  until seen=$("$@"); do
    [ "$SECONDS" -lt "$until" ] || fail "waited in vain for $what; last seen: $seen"
    sleep 0.2
  done
}

# The simulator's admin interface, by the address of its Service.
vendor() { # path, further arguments of curl
  local path=$1 address
  shift
  address=$(kubectl -n iot-operator get service iot-simulator -o 'jsonpath={.spec.clusterIP}:{.spec.ports[0].port}')
  on_node curl --silent --show-error --fail --max-time 70 "http://$address/_admin/$path" "$@"
}

# This moment in the vendor's call log.
vendor_mark() { vendor "calls?since=18446744073709551615" | jq .next; }

# Calls since a mark: all of them in one line, and how many of them were no reads.
vendor_calls() { vendor "counts?since=$1" | jq -r 'group_by(.action) | map("\(map(.count) | add) \(.[0].action)") | join(", ") | if . == "" then "none" else . end'; }
vendor_writes() { vendor "counts?since=$1" | jq '[.[] | select(.action | test("^(Describe|Query|List|Show|Get|KeystoneCreateUserToken)") | not) | .count] | add // 0'; }

# Every product at every vendor, one a line.
vendor_products() {
  local account
  for account in tencent/accounts/default tencent-legacy/accounts/legacy alibaba/accounts/default huawei/accounts/default; do
    vendor "$account/products" | jq -c ".[] | {at: \"${account%%/*}\", product: .}"
  done
}

# Products at the vendor, without what time changes by itself.
vendor_state() { vendor_products | jq -cS . | sort | sha256sum | cut -c1-16; }

# Asks for a full check of every product and waits until each was done.
check_all() {
  local asked
  asked=$(date +%s.%N)
  kubectl -n factory annotate iotproducts --all --overwrite "reconcile.fluxcd.io/requestedAt=$asked" >/dev/null
  kubectl -n factory wait iotproducts --all --for="jsonpath={.status.lastHandledReconcileAt}=$asked" --timeout=120s >/dev/null
  kubectl -n factory wait iotproducts --all --for=condition=Ready --timeout=60s
}

# Marks of ours that keep an object from being deleted.
finalizers() {
  kubectl get iotproducts,iotaccounts,clusteriotaccounts,secrets -A -o json |
    jq -r '.items[] | select(any(.metadata.finalizers // [] | .[]; startswith("iot-products.io/"))) | "\(.kind)/\(.metadata.name)"'
}

leader() { kubectl -n iot-operator get lease iot-operator -o 'jsonpath={.spec.holderIdentity}' | sed 's/_.*//'; }

# What a failure may be understood by.
diagnose() {
  [ -n "$init" ] || return 0
  echo "--- at the time of the failure"
  node_runs || { tail -n 20 "$run"/log/init.log; return 0; }
  if [ ! -e "$run/ready" ]; then
    tail -n 5 "$run"/log/*.log
    return 0
  fi
  kubectl get pods -A -o wide
  kubectl get iotproducts,iotaccounts -A -o wide || true
  kubectl -n iot-operator logs -l app.kubernetes.io/name=iot-operator --tail=25 --prefix || true
  kubectl get events -A --sort-by=.lastTimestamp | tail -n 25
}
