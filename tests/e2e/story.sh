# What is shown on the node, in order. Each step fails where what it sees is not what is promised. Sourced by run.sh.
consumer() { # product
  cat <<END
apiVersion: v1
kind: Pod
metadata: {name: consumer, namespace: factory}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  volumes:
  - name: product
    secret: {secretName: $1-credentials, items: [{key: productId, path: productId}], defaultMode: 0440}
  containers:
  - name: show
    image: localhost/busybox:1
    args: [cat, /product/productId]
    volumeMounts: [{name: product, mountPath: /product, readOnly: true}]
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
END
}

# A manifest of the contract with the simulator as its vendor.
at_simulator() {
  awk -v endpoint="$simulator" '
    /^---/ { account = 0 }
    /^kind: IotAccount$/ { account = 1 }
    { print }
    account && /^spec:$/ { print "  endpoint: " endpoint }' "$1"
}

install_operator() {
  local begun
  show helm upgrade --install iot-operator-crds charts/iot-operator-crds --namespace iot-operator --create-namespace \
    --hide-notes "${definitions[@]}"
  begun=$(date +%s%N)
  show helm upgrade --install iot-operator charts/iot-operator --namespace iot-operator --wait --timeout 3m --hide-notes \
    "${values[@]}"
  took=$((($(date +%s%N) - begun) / 1000000))
  say "Ready $took ms after helm began"
}

story() {
  definitions=()
  values=(--set "allowedEndpoints={iot-simulator.iot-operator:8080}" --set allowPlainHttp=true)
  vendors_and_charts
  pods_as_meant
  products_turn_ready
  consumer_reads_its_product
  crash_in_a_create
  rolled_and_upgraded
  let_go_and_uninstalled
  installed_again
  removed
}

vendors_and_charts() {
  step "Vendors: the simulator as a pod of its own image"
  kubectl create namespace iot-operator
  kubectl label namespace iot-operator pod-security.kubernetes.io/enforce=restricted
  # Its admin interface answers to loopback only, unless told.
  sed 's|^\( *\)image: localhost/iot-simulator.*|&\n\1args: [--open-admin]|' deploy/kustomize/overlays/simulator/simulator.yaml |
    kubectl apply -f -
  kubectl -n iot-operator rollout status deployment/iot-simulator --timeout=60s
  step "Both charts"
  install_operator
  [ "$took" -lt 20000 ] || say "NOTE: that is more than 20 s"
}

pods_as_meant() {
  local pod address
  step "The operator's pods"
  kubectl -n iot-operator get pods -o wide
  kubectl -n iot-operator get pods -l app.kubernetes.io/name=iot-operator -o json | jq -r '.items[] |
    "  \(.metadata.name): process started \(.status.containerStatuses[0].state.running.startedAt), Ready \(.status.conditions[] | select(.type == "Ready") | .lastTransitionTime)"'
  until_seen 60 "a leader" leads
  for pod in $(kubectl -n iot-operator get pods -l app.kubernetes.io/name=iot-operator -o 'jsonpath={.items[*].metadata.name}'); do
    address=$(kubectl -n iot-operator get pod "$pod" -o 'jsonpath={.status.podIP}')
    say "$pod: $(on_node curl -sSf --max-time 5 "http://$address:8080/metrics" | awk '$1 == "process_resident_memory_bytes" { printf "%.1f MiB resident", $2 / 1048576 }')"
  done
}

leads() { [ -n "$(leader)" ]; }

products_turn_ready() {
  local manifest mark begun
  step "The four manifests of the contract"
  kubectl create namespace factory
  mark=$(vendor_mark)
  begun=$(date +%s%N)
  for manifest in tests/manifests/contract/{tencent,tencent-legacy,alibaba,huawei}.yaml; do
    at_simulator "$manifest" | kubectl apply -f -
  done
  show kubectl -n factory wait iotproducts --all --for=condition=Ready --timeout=120s
  say "after $((($(date +%s%N) - begun) / 1000000)) ms"
  kubectl -n factory get iotproducts,iotaccounts -o wide
  say "calls it took: $(vendor_calls "$mark")"
  [ "$(vendor_writes "$mark")" -ge 4 ] || fail "four creations are not counted as changes"
  same "products at the vendors" 4 "$(vendor_products | wc -l)"
}

consumer_reads_its_product() {
  local expected
  step "A pod that mounts the output Secret and prints the ProductId"
  expected=$(kubectl -n factory get iotproduct thermostat -o 'jsonpath={.status.productId}')
  consumer thermostat | kubectl apply -f -
  kubectl -n factory wait pod/consumer --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s
  same "what it printed" "$expected" "$(kubectl -n factory logs consumer)"
  kubectl -n factory delete pod consumer --wait=false
}

crash_in_a_create() {
  local pod container mark
  step "The leader is killed while the vendor creates"
  mark=$(vendor_mark)
  # The product comes to exist, and the answer is held.
  vendor faults -d '{"action":"CreateProduct","body_contains":"humidifier","times":1,"fault":{"kind":"hang","when":"after"}}' >/dev/null
  sed -n '/^kind: IotProduct$/,$p' tests/manifests/contract/tencent.yaml |
    sed '1i apiVersion: iot-products.io/v1alpha1' | sed 's/thermostat/humidifier/' | kubectl apply -f -
  vendor 'wait?action=CreateProduct&state=held&timeout_ms=60000' >/dev/null
  pod=$(leader)
  container=$(kubectl -n iot-operator get pod "$pod" -o 'jsonpath={.status.containerStatuses[0].containerID}')
  say "CreateProduct is under way; SIGKILL to $pod"
  in_node "$node/ctr" --namespace k8s.io task kill --signal SIGKILL "${container#containerd://}" 2>/dev/null
  until_seen 60 "a restart of $pod" restarted "$pod"
  vendor release -X POST >/dev/null
  kubectl -n factory wait iotproduct/humidifier --for=condition=Ready --timeout=120s
  same "products called humidifier at the vendor" 1 "$(vendor 'tencent/accounts/default/products?name=humidifier' | jq length)"
  same "creations that the vendor was asked for" 1 \
    "$(vendor "counts?since=$mark" | jq '[.[] | select(.action == "CreateProduct") | .count] | add')"
  say "its leader was $pod and is $(leader); calls it took: $(vendor_calls "$mark")"
}

restarted() { # pod
  [ "$(kubectl -n iot-operator get pod "$1" -o 'jsonpath={.status.containerStatuses[0].restartCount}')" -gt 0 ]
}

rolled_and_upgraded() {
  local mark before
  step "Rolled, and the charts upgraded, with live products"
  mark=$(vendor_mark)
  before=$(vendor_state)
  show kubectl -n iot-operator rollout restart deployment/iot-operator
  kubectl -n iot-operator rollout status deployment/iot-operator --timeout=120s
  check_all
  values+=(--set secretCheckInterval=30m --set podLabels.upgraded=yes)
  definitions=(--set labels.upgraded=yes)
  install_operator
  same "new pods" 2 "$(kubectl -n iot-operator get pods -l upgraded=yes -o name | wc -l)"
  check_all
  say "calls since: $(vendor_calls "$mark")"
  same "of these, calls that change anything" 0 "$(vendor_writes "$mark")"
  same "the vendors' state" "$before" "$(vendor_state)"
}

let_go_and_uninstalled() {
  local mark before image
  step "Let go, and uninstalled"
  mark=$(vendor_mark)
  before=$(kept)
  say "objects with a finalizer of ours: $(finalizers | wc -l)"
  image=$(kubectl -n iot-operator get deployment iot-operator -o 'jsonpath={.spec.template.spec.containers[0].image}')
  show kubectl -n iot-operator scale deployment iot-operator --replicas=0
  kubectl -n iot-operator wait pods -l app.kubernetes.io/name=iot-operator --for=delete --timeout=90s
  say "iot-operator release --all --lease-namespace iot-operator, as a pod with the operator's own rights:"
  release_pod "$image" | kubectl apply -f -
  until_seen 120 "the end of it" ended release
  kubectl -n iot-operator logs release
  same "how it ended" Succeeded "$(phase release)"
  kubectl -n iot-operator delete pod release
  show helm uninstall iot-operator --namespace iot-operator --wait
  show helm uninstall iot-operator-crds --namespace iot-operator --wait
  same "finalizers of ours" "" "$(finalizers)"
  same "definitions, products and Secrets that stay" "$before" "$(kept)"
  same "calls of a vendor" none "$(vendor_calls "$mark")"
  same "rights that stay" "" "$(kubectl get clusterroles,clusterrolebindings -o name | grep iot-operator || true)"
}

phase() { kubectl -n iot-operator get pod "$1" -o 'jsonpath={.status.phase}'; }
ended() { case $(phase "$1") in Succeeded | Failed) ;; *) return 1 ;; esac; }

release_pod() { # image
  cat <<END
apiVersion: v1
kind: Pod
metadata: {name: release, namespace: iot-operator}
spec:
  restartPolicy: Never
  serviceAccountName: iot-operator
  automountServiceAccountToken: true
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: release
    image: $1
    args: [release, --all, --lease-namespace=iot-operator]
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
END
}

# What an uninstall must leave, with the contents of Secrets, in few words.
kept() {
  local objects
  objects=$(kubectl get crds -o name | grep iot-products.io &&
    kubectl -n factory get iotproducts,iotaccounts -o name &&
    kubectl -n factory get secrets -o json | jq -cS '.items[] | [.metadata.name, .data]')
  echo "$(wc -l <<<"$objects") $(sha256sum <<<"$objects" | cut -c1-16)"
}

installed_again() {
  local mark before secrets
  step "Installed again"
  mark=$(vendor_mark)
  before=$(vendor_state)
  secrets=$(kept)
  install_operator
  check_all
  kubectl -n factory get iotproducts
  say "calls it took: $(vendor_calls "$mark")"
  same "of these, calls that change anything" 0 "$(vendor_writes "$mark")"
  same "the vendors' state" "$before" "$(vendor_state)"
  same "what is in the cluster" "$secrets" "$(kept)"
  same "products that are held again" 5 "$(finalizers | grep -c '^IotProduct/')"
  show helm test iot-operator --namespace iot-operator --timeout 90s
}

removed() {
  local mark
  step "And removed with all they have, as their manifests say (deletionPolicy)"
  mark=$(vendor_mark)
  show kubectl delete namespace factory --timeout=120s
  say "calls it took: $(vendor_calls "$mark")"
  same "products at the vendors" 0 "$(vendor_products | wc -l)"
  show helm uninstall iot-operator --namespace iot-operator --wait
  show helm uninstall iot-operator-crds --namespace iot-operator --wait
  show kubectl delete --filename crds --timeout=60s
}
