//! The world of one attack: a victim, an attacker, the vendors' simulator, and operators that see both tenants.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use iot_simulator::{Admin, Call, Config, Simulator};
use iot_test_harness::manifest::Contract;
use iot_test_harness::{AuditEntry, ControlPlane, Flags, Kind, Mark, Operator, PATIENCE, grants, until};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ApiResource, DynamicObject, GetParams, Patch, PatchParams, PostParams};
use kube::core::Request;
use kube::{Client, Resource as _, ResourceExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tenant::{Tenant, name};

/// Annotation that asks for a full check now.
pub(crate) const CHECK_NOW: &str = "reconcile.fluxcd.io/requestedAt";
/// Owner id of every operator here.
pub(crate) const OWNER: &str = "attacked";
/// The simulator's account.
pub(crate) const ACCOUNT: &str = "default";
/// Lines of a log that a failed attack shows.
const LINES: usize = 60;
/// Vendor calls that it shows.
const CALLS: usize = 40;

/// The world of one attack.
pub(crate) struct World {
    plane: Arc<ControlPlane>,
    admin: Client,
    simulator: Simulator,
    user: String,
    kubeconfig: PathBuf,
    logs: TempDir,
    started: Mutex<Vec<PathBuf>>,
    /// Of those whose manifests are as they should be.
    pub(crate) victim: Tenant,
    /// Of those who try.
    pub(crate) mallory: Tenant,
}

/// Creates or changes a role or a binding.
pub(crate) async fn grant(admin: &Client, object: Value) {
    let object: DynamicObject = serde_json::from_value(object).expect("an object");
    let types = object.types.as_ref().expect("a kind");
    let resource = ApiResource::from_gvk(&types.try_into().expect("a kind"));
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(admin.clone(), namespace, &resource),
        None => Api::all_with(admin.clone(), &resource),
    };
    let params = PatchParams::apply("test").force();
    let granted = api.patch(&object.name_any(), &params, &Patch::Apply(&object)).await;
    granted.unwrap_or_else(|error| panic!("grant {}: {error}", object.name_any()));
}

/// The program under attack.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_iot-operator"))
}

impl World {
    /// Two tenants, and rights for an operator of their namespaces or of the whole cluster.
    pub(crate) async fn new(plane: Arc<ControlPlane>, of_the_cluster: bool) -> Self {
        let simulator = Simulator::start_on_thread(Config::default()).expect("a simulator");
        let admin = plane.admin_client().await.expect("an admin's client");
        let home = plane.namespace("operator").await.expect("a namespace").name().to_owned();
        let victim = Tenant::new(&plane, &admin, "victim").await;
        let mallory = Tenant::new(&plane, &admin, "mallory").await;
        let scopes = if of_the_cluster {
            vec![None]
        } else {
            vec![Some(victim.namespace()), Some(mallory.namespace())]
        };
        for watched in scopes {
            for object in grants::grants(&home, watched) {
                grant(&admin, object).await;
            }
            grants::in_force(&admin, &home, watched).await;
        }
        let user = grants::user(&home);
        let groups = grants::groups(&home);
        let groups = groups.each_ref().map(String::as_str);
        let kubeconfig = plane.kubeconfig_as(&user, &groups).expect("the operator's kubeconfig");
        let logs = tempfile::Builder::new().prefix("iot-attacks-").tempdir().expect("a folder for logs");
        Self { plane, admin, simulator, user, kubeconfig, logs, started: Mutex::default(), victim, mallory }
    }

    pub(crate) fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    pub(crate) fn admin(&self) -> Client {
        self.admin.clone()
    }

    /// The simulator's administration.
    pub(crate) fn vendor(&self) -> Admin {
        self.simulator.admin()
    }

    /// The simulator's address.
    pub(crate) fn endpoint(&self) -> String {
        self.simulator.url()
    }

    /// Starts an operator of the two tenants' namespaces, and waits until it is ready.
    pub(crate) async fn operator(&self, flags: &[(&'static str, &str)]) -> Operator {
        let both = format!("{},{}", self.victim.namespace(), self.mallory.namespace());
        let mut all = vec![("watch-namespaces", both.as_str())];
        all.extend(flags);
        self.start(&all).await
    }

    /// Starts an operator of the cluster; for worlds with a control plane of their own.
    pub(crate) async fn operator_of_cluster(&self, flags: &[(&'static str, &str)]) -> Operator {
        self.start(flags).await
    }

    /// Other flags replace those that every operator here has; `absent` takes one away.
    async fn start(&self, flags: &[(&'static str, &str)]) -> Operator {
        let mut all: Flags = [
            ("leader-elect", "false"),
            ("allowed-endpoints", "127.0.0.1:*"),
            ("allow-plain-http", ""),
            ("owner-id", OWNER),
            ("vendor-timeout", "4s"),
            ("log", "info"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        all.insert("kubeconfig", self.kubeconfig.display().to_string());
        for (name, value) in flags {
            if *value == "absent" {
                all.remove(name);
            } else {
                all.insert(name, (*value).to_owned());
            }
        }
        let mut operator = Operator::start(program(), all, &self.log_file());
        operator.ready().await;
        operator
    }

    fn log_file(&self) -> PathBuf {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.logs.path().join(format!("operator-{}.log", started.len() + 1));
        started.push(path.clone());
        path
    }

    /// `contract/tencent.yaml` at the simulator, for any namespace.
    pub(crate) fn tencent(&self) -> Contract {
        Contract::tencent("nowhere", &self.endpoint())
    }

    /// `contract/huawei.yaml`, the same way.
    pub(crate) fn huawei(&self) -> Contract {
        Contract::huawei("nowhere", &self.endpoint())
    }

    /// A `ClusterIotAccount` made of a contract's account, with the key in the victim's namespace. Lists do not come
    /// by themselves.
    pub(crate) async fn share(&self, contract: &Contract, adoption: Option<&str>, allowed: Value) -> String {
        let mut account = contract.account.clone();
        account["kind"] = json!("ClusterIotAccount");
        account["metadata"].as_object_mut().unwrap().remove("namespace");
        account["spec"]["credentials"]["secretRef"]["namespace"] = json!(self.victim.namespace());
        account["spec"]["allowedNamespaces"] = allowed;
        if let Some(adoption) = adoption {
            account["spec"]["adoption"] = json!(adoption);
        }
        self.victim.receive(&contract.key).await;
        self.admin_applies(&account).await;
        name(&account).to_owned()
    }

    /// The admin applies an object of the cluster.
    pub(crate) async fn admin_applies(&self, manifest: &Value) {
        let api: Api<DynamicObject> = Api::all_with(self.admin(), &Kind::of(manifest).resource());
        let params = PatchParams::apply("admin").force();
        let applied = api.patch(name(manifest), &params, &Patch::Apply(manifest)).await;
        applied.unwrap_or_else(|error| panic!("apply {}: {error}", name(manifest)));
    }

    /// Merges a patch into a Namespace.
    pub(crate) async fn edit_namespace(&self, name: &str, patch: &Value) {
        let api: Api<Namespace> = Api::all(self.admin());
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.expect("the Namespace changed");
    }

    /// Writes a Namespace back after a change.
    pub(crate) async fn replace_namespace(&self, name: &str, change: impl Fn(&mut Value)) {
        let requests = Request::new(DynamicObject::url_path(&Kind::Namespace.resource(), None));
        until(&format!("a replacement of Namespace {name}"), PATIENCE, async || {
            let get = requests.get(name, &GetParams::default()).expect("a request");
            let mut object: Value = self.admin.request(get).await.map_err(|error| error.to_string())?;
            change(&mut object);
            let body = serde_json::to_vec(&object).expect("JSON");
            let replace = requests.replace(name, &PostParams::default(), body).expect("a request");
            self.admin.request::<Value>(replace).await.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }

    /// This moment in the simulator's log of calls.
    pub(crate) fn call_mark(&self) -> u64 {
        self.vendor().next_sequence()
    }

    /// Calls since a moment.
    pub(crate) fn calls_since(&self, mark: u64) -> Vec<Call> {
        self.vendor().calls_since(mark)
    }

    /// This moment in the audit log.
    pub(crate) fn audit_mark(&self) -> Mark {
        self.plane.audit().and_then(|log| log.mark()).expect("the audit log")
    }

    /// Requests of this world's operators that were answered since a moment.
    pub(crate) fn requests_since(&self, mark: Mark) -> Vec<AuditEntry> {
        self.plane.audit().and_then(|log| log.answered_to(&self.user, mark)).expect("the audit log")
    }

    /// Writes of this world's operators since a moment, refused ones included, without Events and Leases.
    pub(crate) fn writes_since(&self, mark: Mark) -> Vec<AuditEntry> {
        let mut writes = self.requests_since(mark);
        writes.retain(|entry| entry.is_write() && !["events", "leases"].contains(&entry.resource.as_str()));
        writes
    }

    /// All that the operators have logged.
    pub(crate) fn log(&self) -> String {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
    }

    /// What no log may hold, whatever the attack: a panic, a key.
    pub(crate) fn faults_in_logs(&self) -> Vec<String> {
        let log = self.log();
        let lines = |needle: &str| {
            log.lines().filter(|line| line.contains(needle)).take(3).collect::<Vec<_>>().join("\n")
        };
        let mut faults = Vec::new();
        if log.contains("panicked at") {
            faults.push(format!("the operator panicked:\n{}", lines("panicked at")));
        }
        let vendor = self.vendor();
        let mut keys = BTreeSet::new();
        keys.extend(
            vendor
                .tencent()
                .accounts()
                .into_iter()
                .flat_map(|account| account.keys)
                .map(|key| key.secret_key),
        );
        keys.extend(
            vendor.huawei().accounts().into_iter().flat_map(|account| account.keys).map(|key| key.secret_key),
        );
        for key in keys.into_iter().filter(|key| log.contains(key)) {
            faults.push(format!("a key in the log:\n{}", lines(&key)));
        }
        faults
    }

    /// For the reader of a failure.
    pub(crate) fn report(&self) -> String {
        let mut report = String::from("--- calls of the simulator\n");
        let calls = self.vendor().calls();
        for call in &calls[calls.len().saturating_sub(CALLS)..] {
            let code = call.code.as_deref().unwrap_or("undecided");
            let product = call.product_id.as_deref().or(call.product_name.as_deref()).unwrap_or_default();
            let _ = writeln!(report, "{} {} {code} {product}", call.sequence, call.action);
        }
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let _ = writeln!(report, "--- the last of {} lines logged", lines.len());
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            let _ = writeln!(report, "{}", line.chars().take(600).collect::<String>());
        }
        report
    }
}
