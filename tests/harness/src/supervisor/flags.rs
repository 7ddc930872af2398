//! Command lines of the three programs.

use std::path::Path;

use crate::kubeconfig::CONTROLLER_MANAGER;
use crate::link::Program;
use crate::pki::SERVING;

/// Loopback ports of one control plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) etcd: u16,
    pub(super) apiserver: u16,
}

/// Everything the command lines depend on.
pub(super) struct Place<'a> {
    pub(super) directory: &'a Path,
    pub(super) ports: Ports,
    /// Where this start of the API server writes its audit log.
    pub(super) audit_log: &'a Path,
}

/// Audit policy: who did what to which object, without bodies. Arrival is logged as well as the
/// answer, so that a reader can tell which requests are still under way.
pub(super) const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Metadata
";

pub(super) fn of(program: Program, place: &Place<'_>) -> Vec<String> {
    match program {
        Program::Etcd => etcd(place),
        Program::Apiserver => apiserver(place),
        Program::ControllerManager => controller_manager(place),
    }
}

fn etcd(place: &Place<'_>) -> Vec<String> {
    let client = format!("http://127.0.0.1:{}", place.ports.etcd);
    vec![
        format!("--data-dir={}", place.directory.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        // A single member talks to nobody: any port will do.
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
        // The data outlives a killed process; that it does not outlive the machine is no loss here.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ]
}

fn apiserver(place: &Place<'_>) -> Vec<String> {
    let pki = |name: &str| place.directory.join("pki").join(name).display().to_string();
    let mut flags: Vec<String> = [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        // Nothing here reaches the API server through the `kubernetes` Service.
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        // Tests count what happens, not what the server's fairness lets through.
        "--max-requests-inflight=4000",
        "--max-mutating-requests-inflight=2000",
        "--profiling=false",
        // Nothing may lag behind the answer, and nothing may be rotated away.
        "--audit-log-mode=blocking",
        "--audit-log-maxsize=0",
    ]
    .map(str::to_owned)
    .to_vec();
    flags.extend([
        format!("--etcd-servers=http://127.0.0.1:{}", place.ports.etcd),
        format!("--secure-port={}", place.ports.apiserver),
        format!("--client-ca-file={}", pki("ca.crt")),
        format!("--tls-cert-file={}", pki(&format!("{SERVING}.crt"))),
        format!("--tls-private-key-file={}", pki(&format!("{SERVING}.key"))),
        format!("--service-account-key-file={}", pki("service-account.pub")),
        format!("--service-account-signing-key-file={}", pki("service-account.key")),
        format!("--audit-policy-file={}", place.directory.join("audit-policy.yaml").display()),
        format!("--audit-log-path={}", place.audit_log.display()),
    ]);
    flags
}

fn controller_manager(place: &Place<'_>) -> Vec<String> {
    let pki = |name: &str| place.directory.join("pki").join(name).display().to_string();
    // The controllers that work without nodes; each of the others costs watches and memory.
    let controllers = [
        "clusterrole-aggregation-controller",
        "garbage-collector-controller",
        "namespace-controller",
        "resourcequota-controller",
        "root-ca-certificate-publisher-controller",
        "serviceaccount-controller",
        "serviceaccount-token-controller",
        // Checks the types of their expressions.
        "validatingadmissionpolicy-status-controller",
    ];
    vec![
        format!("--kubeconfig={}", place.directory.join(CONTROLLER_MANAGER).display()),
        format!("--controllers={}", controllers.join(",")),
        format!("--service-account-private-key-file={}", pki("service-account.key")),
        format!("--root-ca-file={}", pki("ca.crt")),
        "--bind-address=127.0.0.1".to_owned(),
        "--secure-port=0".to_owned(),
        "--leader-elect=false".to_owned(),
        // Deleting a namespace takes a request for every kind of object.
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
    ]
}
