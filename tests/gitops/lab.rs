//! The cluster, the vendor and the operator that Argo CD and Flux work with.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use iot_simulator::{Admin, Config, Simulator, TencentAdmin};
use iot_test_harness::{ControlPlane, Options};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http;
use crate::program::Program;
use crate::report::see;

/// Folders and files of the programs, as run.sh hands them over.
pub(crate) struct Tools {
    pub(crate) argocd: PathBuf,
    pub(crate) flux: PathBuf,
    pub(crate) helm: PathBuf,
}

impl Tools {
    /// None where this is not run by run.sh.
    pub(crate) fn from_environment() -> Option<Self> {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Some(Self { argocd: path("GITOPS_ARGOCD")?, flux: path("GITOPS_FLUX")?, helm: path("GITOPS_HELM")? })
    }
}

/// Kinds that are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Application,
    Deployment,
    GitRepository,
    Kustomization,
    Product,
    Secret,
}

impl Kind {
    pub(crate) fn resource(self) -> ApiResource {
        let (group, version, kind) = match self {
            Self::Application => ("argoproj.io", "v1alpha1", "Application"),
            Self::Deployment => ("apps", "v1", "Deployment"),
            Self::GitRepository => ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
            Self::Kustomization => ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
            Self::Product => ("iot-products.io", "v1alpha1", "IotProduct"),
            Self::Secret => ("", "v1", "Secret"),
        };
        let kind = GroupVersionKind::gvk(group, version, kind);
        match self {
            Self::GitRepository => ApiResource::from_gvk_with_plural(&kind, "gitrepositories"),
            _ => ApiResource::from_gvk(&kind),
        }
    }
}

/// Everything that runs.
pub(crate) struct Lab {
    plane: ControlPlane,
    client: Client,
    simulator: Simulator,
    folder: TempDir,
    pub(crate) tools: Tools,
    programs: Mutex<Vec<(String, Program)>>,
}

/// Text at a JSON pointer, empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A condition of an object, Null where there is none.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().find(|one| one["type"] == kind).unwrap_or(&Value::Null)
}

impl Lab {
    pub(crate) async fn start(tools: Tools) -> Self {
        let folder = tempfile::Builder::new().prefix("iot-gitops-").tempdir().expect("a folder");
        let plane = ControlPlane::start(&Options::default()).expect("a control plane");
        let client = plane.admin_client().await.expect("an admin's client");
        let simulator = Simulator::start_on_thread(Config::default()).expect("a simulator");
        Self { plane, client, simulator, folder, tools, programs: Mutex::default() }
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// A folder of that name, made when it is not there.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }

    pub(crate) fn vendor(&self) -> Admin {
        self.simulator.admin()
    }

    pub(crate) fn tencent(&self) -> TencentAdmin {
        self.vendor().tencent()
    }

    pub(crate) fn endpoint(&self) -> String {
        self.simulator.url()
    }

    /// Starts a program that ends with the lab, or when [`Lab::stop`] says so.
    pub(crate) fn run(&self, name: &str, program: &Path, arguments: &[String], env: &[(&str, String)]) {
        let log = self.folder("logs").join(format!("{name}.log"));
        let program = Program::start(program, arguments, env, log);
        self.programs().push((name.to_owned(), program));
    }

    /// Also those of a lab that has failed: their logs are wanted.
    fn programs(&self) -> MutexGuard<'_, Vec<(String, Program)>> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a program, if it runs.
    pub(crate) async fn stop(&self, name: &str) {
        let found: Vec<_> = self.programs().extract_if(.., |(other, _)| other == name).collect();
        for (_, program) in found {
            program.end().await;
        }
    }

    /// Names and process ids.
    pub(crate) fn running(&self) -> Vec<(String, u32)> {
        let programs = self.programs();
        programs.iter().map(|(name, program)| (name.clone(), program.id())).collect()
    }

    /// Prints the end of every log.
    pub(crate) fn show_logs(&self) {
        for (name, program) in self.programs().iter() {
            println!("=== {name}\n{}", program.tail());
        }
    }

    /// Waits until a program's HTTP path answers with 200.
    pub(crate) async fn healthy(&self, name: &str, address: &str, path: &str) {
        see(&format!("{name} is up"), async || {
            for (other, program) in self.programs().iter_mut() {
                if other == name {
                    program.must_run();
                }
            }
            let answer = http::get(address, path).await.map_err(|error| error.to_string())?;
            if answer.status == 200 { Ok(()) } else { Err(answer.status.to_string()) }
        })
        .await;
    }

    /// Runs kubectl as an admin and gives what it prints.
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        let mut kubectl = Command::new(self.plane.bin("kubectl"))
            .arg("--kubeconfig")
            .arg(self.plane.kubeconfig_path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        kubectl.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("kubectl reads");
        let output = kubectl.wait_with_output().expect("kubectl ends");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Path of a program of the control plane.
    pub(crate) fn control_plane(&self, name: &str) -> PathBuf {
        self.plane.bin(name)
    }

    pub(crate) fn admin_kubeconfig(&self) -> PathBuf {
        self.plane.kubeconfig_path().to_owned()
    }

    /// Kubeconfig of a service account, with a token as its pod would have.
    pub(crate) fn kubeconfig_of(&self, namespace: &str, account: &str) -> PathBuf {
        let token = self.kubectl(&["create", "token", account, "-n", namespace, "--duration=12h"], "");
        let admin = std::fs::read_to_string(self.plane.kubeconfig_path()).expect("the admin's kubeconfig");
        let mut config: Value = serde_yaml_ng::from_str(&admin).expect("a kubeconfig");
        config["users"][0]["user"] = json!({"token": token.trim()});
        config["contexts"][0]["context"]["namespace"] = json!(namespace);
        let path = self.folder("kubeconfigs").join(format!("{account}.json"));
        std::fs::write(&path, config.to_string()).expect("a kubeconfig");
        path
    }

    pub(crate) fn api(&self, kind: Kind, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), namespace, &kind.resource())
    }

    pub(crate) async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        let found = self.api(kind, namespace).get_opt(name).await;
        let found = found.unwrap_or_else(|error| panic!("get {kind:?} {name}: {error}"));
        found.map(|object| serde_json::to_value(object).expect("JSON"))
    }

    pub(crate) async fn patch(&self, kind: Kind, namespace: &str, name: &str, patch: Value) {
        let done =
            self.api(kind, namespace).patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await;
        done.unwrap_or_else(|error| panic!("patch {kind:?} {name}: {error}"));
    }

    pub(crate) async fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        let gone = self.api(kind, namespace).delete(name, &DeleteParams::default()).await;
        gone.unwrap_or_else(|error| panic!("delete {kind:?} {name}: {error}"));
    }

    /// Waits until an object is as described; gives it.
    pub(crate) async fn object(
        &self,
        what: &str,
        (kind, namespace, name): (Kind, &str, &str),
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        see(what, async || match self.api(kind, namespace).get_opt(name).await {
            Ok(Some(mut object)) => {
                object.managed_fields_mut().clear();
                let object = serde_json::to_value(object).expect("JSON");
                if is(&object) { Ok(object) } else { Err(object["status"].to_string()) }
            }
            Ok(None) => Err("it does not exist".to_owned()),
            Err(error) => Err(error.to_string()),
        })
        .await
    }

    /// Waits until an object is gone.
    pub(crate) async fn gone(&self, what: &str, (kind, namespace, name): (Kind, &str, &str)) {
        see(what, async || {
            self.get(kind, namespace, name).await.map_or(Ok(()), |object| Err(object["metadata"].to_string()))
        })
        .await;
    }
}
