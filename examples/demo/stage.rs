//! What the story needs: control plane, definitions, simulator, operator.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use iot_test_harness::{ControlPlane, Options};
use serde::Deserialize;
use serde_yaml_ng::Value;

use crate::cluster::Kubectl;
use crate::failure::Failure;
use crate::process::Part;
use crate::vendor::Vendor;
use crate::wait::{Look, until};

/// The folder of the project.
pub(crate) const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
/// The manifests that the story is about.
const SAMPLE: &str = "deploy/samples/tencent.yaml";
/// Those of the other vendors, which come last.
const OTHERS: [&str; 3] =
    ["deploy/samples/tencent-legacy.yaml", "deploy/samples/alibaba.yaml", "deploy/samples/huawei.yaml"];
/// The operator's user: what `deploy/rbac.yaml` grants to it is all that it may do.
const USER: &str = "system:serviceaccount:iot-operator:iot-operator";
/// How long a program may take to be ready.
const READY: Duration = Duration::from_mins(1);

/// Everything that runs.
pub(crate) struct Stage {
    pub(crate) kubectl: Kubectl,
    pub(crate) vendor: Vendor,
    /// The sample with the simulator as the account's endpoint.
    pub(crate) manifest: PathBuf,
    /// The samples of the other vendors, the same way.
    pub(crate) others: Vec<PathBuf>,
    operator: Part,
    simulator: Part,
    metrics: String,
    files: tempfile::TempDir,
    control_plane: ControlPlane,
}

/// A heading.
pub(crate) fn heading(title: &str) {
    println!("\n== {title}");
}

impl Stage {
    /// Starts everything, in front of the user.
    pub(crate) async fn set() -> Result<Self, Failure> {
        // Of the demo's own HTTP client; it never talks TLS, and wants a provider nevertheless.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let files = tempfile::Builder::new()
            .prefix("iot-demo-")
            .tempdir()
            .map_err(Failure::io("create a temporary folder"))?;

        heading("A control plane: etcd, kube-apiserver, kube-controller-manager");
        let begun = Instant::now();
        let control_plane = control_plane().await?;
        let kubectl = Kubectl::new(control_plane.bin("kubectl"), control_plane.kubeconfig_path());
        println!("  ready after {:.1} s", begun.elapsed().as_secs_f64());

        heading("The API of the operator, and what the operator may do");
        kubectl.show(&["apply", "-f", "crds", "-f", "deploy/rbac.yaml"]).await?;
        until("the new kinds to be served", READY, async || {
            match kubectl.quiet(&["get", "iot", "--all-namespaces"]).await {
                Ok(_) => Ok(Look::Seen(())),
                Err(error) => Ok(Look::NotYet(error.to_string())),
            }
        })
        .await?;

        heading("The four vendor APIs, simulated");
        let simulator = program("iot-simulator")?;
        println!("$ iot-simulator --listen 127.0.0.1:0");
        let args = ["--listen".into(), "127.0.0.1:0".into()];
        let mut simulator = Part::start(&simulator, &args, files.path().join("simulator.log"))?;
        let url = simulator.says("listening on ", READY).await?;
        println!("  listening on {url}");
        let manifest = files.path().join("factory.yaml");
        with_endpoint(&Path::new(PROJECT).join(SAMPLE), &url, &manifest)?;
        let mut others = Vec::new();
        for sample in OTHERS.map(Path::new) {
            let copy = files.path().join(sample.file_name().unwrap_or_default());
            with_endpoint(&Path::new(PROJECT).join(sample), &url, &copy)?;
            others.push(copy);
        }

        heading("The operator");
        let log = files.path().join("operator.log");
        let mut operator = start_operator(&control_plane, &log)?;
        let metrics = operator.says("metrics=", READY).await?;
        operator.says("leading", READY).await?;
        println!("  it leads; its log is {}", log.display());

        let vendor = Vendor::new(url);
        Ok(Self { kubectl, vendor, manifest, others, operator, simulator, metrics, files, control_plane })
    }

    /// The last lines of the operator's log.
    pub(crate) fn operator_log(&self, lines: usize) -> String {
        self.operator.log_tail(lines)
    }

    /// What the user can do now.
    pub(crate) fn invite(&self) {
        let folder = self.kubectl.program().parent().map(Path::display);
        let path = folder.map(|folder| format!(" PATH={folder}:$PATH")).unwrap_or_default();
        println!("\nIt goes on running until Ctrl-C. In another terminal:\n");
        println!("  export KUBECONFIG={}{path}", self.kubectl.kubeconfig().display());
        let (manifest, url, metrics) = (self.manifest.display(), self.vendor.url(), &self.metrics);
        println!("\nThings to try:\n");
        println!("  kubectl get iot -n factory -o wide");
        println!("  kubectl explain iotproduct.spec");
        println!("  kubectl get events -n factory");
        println!("  kubectl edit iotp thermostat -n factory        # another name is refused, and says why");
        println!("  kubectl delete secret thermostat-credentials -n factory");
        println!("  kubectl annotate iotp thermostat -n factory --overwrite \\");
        println!("    reconcile.fluxcd.io/requestedAt=\"$(date +%s.%N)\"    # the Secret is back");
        println!("  kubectl apply -f {manifest}    # street-lamp again, from a file to edit");
        println!("  kubectl delete namespace factory");
        println!("  curl -s {url}/_admin/tencent/accounts/default/products    # what Tencent has");
        println!("  curl -s {url}/_admin/huawei/accounts/default/products     # and Huawei, and alibaba");
        println!("  curl -s {url}/_admin/counts                               # and what it was asked");
        println!("  curl -s http://{metrics}/metrics");
    }

    /// Ends everything, the operator first.
    pub(crate) async fn end(self) {
        self.operator.end().await;
        self.simulator.end().await;
        drop(self.files);
        // Returns when the control plane has ended.
        let _ = tokio::task::spawn_blocking(move || drop(self.control_plane)).await;
    }
}

/// Starting it blocks, and takes minutes where its programs are not built yet.
async fn control_plane() -> Result<ControlPlane, Failure> {
    let started = tokio::task::spawn_blocking(|| ControlPlane::start(&Options::default())).await;
    Ok(started.map_err(|error| Failure::io("start the control plane")(error.into()))??)
}

fn start_operator(control_plane: &ControlPlane, log: &Path) -> Result<Part, Failure> {
    let groups = ["system:serviceaccounts", "system:authenticated"];
    let kubeconfig = control_plane.kubeconfig_as(USER, &groups)?;
    let flags = [
        "--allowed-endpoints=127.0.0.1:*",
        "--allow-plain-http",
        "--lease-namespace=iot-operator",
        "--metrics-addr=127.0.0.1:0",
        "--health-addr=127.0.0.1:0",
        "--log-format=human",
    ];
    println!("$ iot-operator run {}", flags.join(" "));
    println!("  as {USER}, who may do what deploy/rbac.yaml says");
    let kubeconfig: [OsString; 3] = ["run".into(), "--kubeconfig".into(), kubeconfig.into()];
    let args: Vec<OsString> = kubeconfig.into_iter().chain(flags.map(OsString::from)).collect();
    Part::start(&program("iot-operator")?, &args, log.to_owned())
}

/// A program of the workspace, built beside this one.
fn program(name: &str) -> Result<PathBuf, Failure> {
    let this = std::env::current_exe().map_err(Failure::io("find the demo's own program"))?;
    let folder = this.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    Ok(folder.join(name))
}

/// Copies the sample with the account pointed to the simulator.
fn with_endpoint(sample: &Path, url: &str, copy: &Path) -> Result<(), Failure> {
    let shown = sample.display().to_string();
    let manifest = |source| Failure::Manifest { file: shown.clone(), source };
    let sample = std::fs::read_to_string(sample).map_err(Failure::io(format!("read {shown}")))?;
    let mut documents = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(&sample) {
        let mut object = Value::deserialize(document).map_err(manifest)?;
        if object["kind"] == "IotAccount" {
            object["spec"]["endpoint"] = url.into();
        }
        documents.push(serde_yaml_ng::to_string(&object).map_err(manifest)?);
    }
    std::fs::write(copy, documents.join("---\n")).map_err(Failure::io(format!("write {}", copy.display())))
}
