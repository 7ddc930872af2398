# One node of Kubernetes with everything on it, in namespaces of its own (mounts, network, processes): no address
# of the machine is used, and ending one process ends all. Sourced by run.sh, which sets: run, an empty folder;
# plane and node, the folders of the programs.
node_ip=10.77.0.1 pods=10.88.0.0/16 services=10.96.0.0/16 first_service=10.96.0.1
group=iot-e2e-$$
init='' init_started=''

# Says why a node cannot run here; nothing when it can.
node_hindrance() {
  local tool
  [ "$(uname -s)" = Linux ] || { echo "this is not Linux"; return; }
  [ "$(id -u)" = 0 ] || { echo "it needs root: a kubelet mounts, and makes network interfaces and groups of processes"; return; }
  for tool in openssl unshare nsenter ip curl jq; do
    command -v "$tool" >/dev/null || { echo "the program $tool is missing"; return; }
  done
  unshare --mount --net --pid --fork --mount-proc true 2>/dev/null || { echo "no namespaces can be made here (a container without privileges?)"; return; }
  local at=/sys/fs/cgroup
  [ -e $at/cgroup.controllers ] || at=$at/memory
  { mkdir "$at/$group-probe" && rmdir "$at/$group-probe"; } 2>/dev/null || echo "no groups of processes can be made in $at"
}

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

authority() { # file, name
  key "$1.key"
  openssl req -x509 -new -key "$1.key" -days 2 -subj "/CN=$2" -out "$1.crt" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

certificate() { # authority, file, subject, usage, alternative names
  key "$2.key"
  {
    echo "keyUsage=critical,digitalSignature"
    echo "extendedKeyUsage=$4"
    [ -z "${5:-}" ] || echo "subjectAltName=$5"
  } >"$2.ext"
  openssl req -new -key "$2.key" -subj "$3" 2>/dev/null |
    openssl x509 -req -CA "$1.crt" -CAkey "$1.key" -CAcreateserial -days 2 -extfile "$2.ext" -out "$2.crt" 2>/dev/null
}

kubeconfig() { # user
  cat >"$run/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
current-context: e2e
clusters: [{name: e2e, cluster: {server: "https://$node_ip:6443", certificate-authority: $run/pki/ca.crt}}]
users: [{name: $1, user: {client-certificate: $run/pki/$1.crt, client-key: $run/pki/$1.key}}]
contexts: [{name: e2e, context: {cluster: e2e, user: $1}}]
END
}

node_keys() {
  local names="DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost" user
  cd "$run/pki"
  authority ca e2e
  authority front-ca e2e-front
  certificate front-ca front /CN=front clientAuth
  certificate ca apiserver /CN=kube-apiserver serverAuth "$names,IP:127.0.0.1,IP:$node_ip,IP:$first_service"
  certificate ca kubelet-serving /O=system:nodes/CN=system:node:node0 serverAuth "DNS:node0,IP:$node_ip"
  # The names that the built-in roles are bound to.
  certificate ca kubelet /O=system:nodes/CN=system:node:node0 clientAuth
  certificate ca admin /O=system:masters/CN=admin clientAuth
  certificate ca controller-manager /CN=system:kube-controller-manager clientAuth
  certificate ca scheduler /CN=system:kube-scheduler clientAuth
  certificate ca proxy /CN=system:kube-proxy clientAuth
  key sa.key
  openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
  for user in admin kubelet controller-manager scheduler proxy; do kubeconfig "$user"; done
  cd "$root"
}

node_files() {
  # A sandbox of a pod wants a better place with the kernel than root may give everywhere: restrict_oom_score_adj.
  cat >"$run/containerd.toml" <<END
version = 3
root = "$run/containerd"
state = "/run/containerd/state"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "localhost/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["$node/cni"]
  conf_dir = "$run/net.d"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
    BinaryName = "$node/runc"
    SystemdCgroup = false
END
  cat >"$run/net.d/10-e2e.conflist" <<END
{"cniVersion": "1.0.0", "name": "e2e", "plugins": [{
  "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true, "ipMasq": false,
  "ipam": {"type": "host-local", "dataDir": "/run/addresses", "ranges": [[{"subnet": "$pods"}]],
           "routes": [{"dst": "0.0.0.0/0"}]}}]}
END
  : >"$run/resolv.conf"
  cat >"$run/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /$group
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $run/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $run/pki/kubelet-serving.crt
tlsPrivateKeyFile: $run/pki/kubelet-serving.key
podLogsDir: $run/pod-logs
volumePluginDir: $run/kubelet/plugins
resolvConf: $run/resolv.conf
clusterDomain: cluster.local
clusterDNS: [$node_ip]
failSwapOn: false
# A full disk must not delete the images, which nobody can pull again.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
crashLoopBackOff: {maxContainerRestartPeriod: 10s}
evictionHard: {memory.available: 200Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
END
  # The kernel's limits of connections cannot be set in a namespace: left as they are.
  cat >"$run/proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: node0
clusterCIDR: $pods
clientConnection: {kubeconfig: $run/proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
END
  cat >"$run/Corefile" <<END
. {
  bind $node_ip
  ready 127.0.0.1:8181
  errors
  cache 2
  kubernetes cluster.local {
    kubeconfig $run/admin.kubeconfig e2e
    ttl 1
  }
}
END
}

# Starts it and waits until pods can be created. Images are those of $run/images.
node_up() {
  local parent
  mkdir -p "$run"/{pki,log,net.d,kubelet,containerd,etcd,pod-logs}
  # Mount points of the machine; nothing is mounted there but in the namespace.
  mkdir -p /var/lib/kubelet /var/lib/cni
  node_keys
  node_files
  export run plane node node_ip services group
  setsid unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private \
    bash "$here/inside.sh" >"$run/log/init.log" 2>&1 </dev/null &
  parent=$!
  until init=$(tr -d ' ' <"/proc/$parent/task/$parent/children") && [ -n "$init" ]; do
    kill -0 "$parent" 2>/dev/null || fail "the node's namespaces cannot be made: $(cat "$run/log/init.log")"
    sleep 0.05
  done
  init_started=$(started "$init")
  local until=$((SECONDS + 300))
  until [ -e "$run/ready" ]; do
    node_runs || fail "the node ended: $(tail -n 5 "$run/log/init.log")"
    [ "$SECONDS" -lt "$until" ] || fail "the node is not ready after 300 s: $(tail -n 1 "$run/log/timing")"
    sleep 0.1
  done
}

# When a process started, by which it is told from a later one with its number.
started() { awk '{print $22}' "/proc/$1/stat" 2>/dev/null; }

node_runs() { [ -n "$init" ] && [ "$(started "$init")" = "$init_started" ]; }

# Runs a command in the node's network, with the files and processes of the machine.
on_node() { nsenter --target "$init" --net -- "$@"; }

# Runs a command in all of the node's namespaces.
in_node() { nsenter --target "$init" --net --mount --pid -- "$@"; }

# Ends it. What ran in it ends with its first process.
node_down() {
  local _ tree
  [ -n "$init" ] || return 0
  ! node_runs || kill -KILL "$init"
  for _ in {1..100}; do
    for tree in /sys/fs/cgroup/"$group" /sys/fs/cgroup/*/"$group"; do
      [ ! -d "$tree" ] || find "$tree" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    [ -n "$(find /sys/fs/cgroup -maxdepth 2 -name "$group")" ] || node_runs || break
    sleep 0.1
  done
  init=''
  rmdir /var/lib/kubelet /var/lib/cni 2>/dev/null || true
}
