#!/usr/bin/env bash
# The first process of the node's namespaces, started by node.sh: it starts everything else, and when it ends
# everything ends. From its environment: run (folder of this run), plane and node (folders of programs), and the
# addresses of node.sh.
set -euo pipefail
export PATH=$node:$plane:$PATH KUBECONFIG=$run/admin.kubeconfig
begun=$(date +%s%N)
note() { printf '%6s ms  %s\n' $((($(date +%s%N) - begun) / 1000000)) "$*" >>"$run/log/timing"; }
start() { # name of the log, command
  local name=$1
  shift
  "$@" >>"$run/log/$name.log" 2>&1 &
}

# Mounts are of this namespace alone and end with it. Kubelet and containerd want shared propagation.
mount --make-rshared /
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/settings
mount --bind "$run/kubelet" /var/lib/kubelet
mount -t tmpfs tmpfs /var/lib/cni
mount -t tmpfs tmpfs /var/log
# The kubelet sets these of the machine's kernel unless they are as it wants them: it is shown that they are.
while read -r key value; do
  echo "$value" >"/run/settings/${key//\//.}"
  mount --bind "/run/settings/${key//\//.}" "/proc/sys/$key"
done <<'END'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END

# The kubelet refuses loopback addresses. Without a route to Services a connection fails before kube-proxy's
# rules see it.
ip link set lo up
ip addr add "$node_ip/32" dev lo
ip route add "$services" dev lo src "$node_ip"
echo 1 >/proc/sys/net/ipv4/ip_forward

# Pods are below a group of their own, so that the whole tree can be removed.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir "/sys/fs/cgroup/$group"
else
  for controller in /sys/fs/cgroup/*/; do
    [ "$controller" = /sys/fs/cgroup/unified/ ] || mkdir "$controller$group"
  done
  for file in cpuset.cpus cpuset.mems; do
    cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$group/$file"
  done
fi

pki=$run/pki
start containerd containerd --config "$run/containerd.toml"
start etcd etcd --data-dir "$run/etcd" --unsafe-no-fsync --log-level warn \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380
start kube-apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
  --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$node_ip" \
  --service-cluster-ip-range="$services" --authorization-mode=Node,RBAC \
  --enable-admission-plugins=NodeRestriction --allow-privileged=true \
  --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
  --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
  --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
  --requestheader-client-ca-file="$pki/front-ca.crt" --requestheader-allowed-names=front \
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
  --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --proxy-client-cert-file="$pki/front.crt" --proxy-client-key-file="$pki/front.key"

until ctr version >/dev/null 2>&1; do sleep 0.1; done
note "containerd answers"
for image in "$run"/images/*.tar; do
  ctr --namespace k8s.io images import "$image" >>"$run/log/images.log" 2>&1
done
note "images are imported"
until kubectl get --raw=/readyz >/dev/null 2>&1; do sleep 0.1; done
note "the API server is ready"
start kube-controller-manager kube-controller-manager --kubeconfig="$run/controller-manager.kubeconfig" \
  --bind-address=127.0.0.1 --leader-elect=false --use-service-account-credentials=true \
  --flex-volume-plugin-dir="$run/kubelet/plugins" --root-ca-file="$pki/ca.crt" \
  --service-account-private-key-file="$pki/sa.key"
start kube-scheduler kube-scheduler --kubeconfig="$run/scheduler.kubeconfig" --bind-address=127.0.0.1 \
  --leader-elect=false --authentication-kubeconfig="$run/scheduler.kubeconfig" \
  --authorization-kubeconfig="$run/scheduler.kubeconfig"
start kubelet kubelet --config="$run/kubelet.yaml" --kubeconfig="$run/kubelet.kubeconfig" \
  --hostname-override=node0 --node-ip="$node_ip"
start kube-proxy kube-proxy --config="$run/proxy.yaml"
start coredns coredns -conf "$run/Corefile" -quiet
until kubectl wait --for=condition=Ready node/node0 --timeout=60s >/dev/null 2>&1; do sleep 0.2; done
note "the node is ready"
until kubectl get serviceaccount default >/dev/null 2>&1 && kubectl get configmap kube-root-ca.crt >/dev/null 2>&1; do
  sleep 0.2
done
note "pods can be created"
touch "$run/ready"
# As init: it waits for what has lost its parent.
while :; do wait -n 2>/dev/null || sleep 1; done
