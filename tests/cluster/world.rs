//! The world of one test: a namespace, a vendor of its own, and operators that see no more than the two.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iot_simulator::{Admin, Config, Simulator};
use iot_test_harness::{AuditEntry, ControlPlane, Mark, TestNamespace, grants};
pub(crate) use iot_test_harness::{PATIENCE, until};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::manifest::Contract;
use crate::object::{Kind, Object};
use crate::operator::{Flags, Operator};
use crate::rights;

/// Owner id of every operator here.
pub(crate) const OWNER: &str = "test";
/// Annotation that asks for a full check now.
pub(crate) const CHECK_NOW: &str = "reconcile.fluxcd.io/requestedAt";

/// The world of one test.
pub(crate) struct World {
    plane: Arc<ControlPlane>,
    namespace: TestNamespace,
    client: Client,
    simulator: Simulator,
    user: String,
    kubeconfig: PathBuf,
    /// Watched namespaces that it has rights for, or none for the cluster.
    granted: Mutex<BTreeSet<Option<String>>>,
    evidence: Arc<Evidence>,
}

impl World {
    pub(crate) async fn new(plane: Arc<ControlPlane>, test: &str) -> Self {
        let simulator = Simulator::start_on_thread(Config::default()).expect("a simulator");
        let prefix: String = test.replace(['_', ':'], "-").replace("--", "-").chars().take(40).collect();
        let namespace = plane.namespace(prefix.trim_end_matches('-')).await.expect("a namespace");
        let client = plane.admin_client().await.expect("an admin's client");
        let user = grants::user(namespace.name());
        let groups = grants::groups(namespace.name());
        let groups = groups.each_ref().map(String::as_str);
        let kubeconfig = plane.kubeconfig_as(&user, &groups).expect("the operator's kubeconfig");
        let evidence = Arc::new(Evidence::new(simulator.admin()));
        let world = Self {
            plane,
            namespace,
            client,
            simulator,
            user,
            kubeconfig,
            granted: Mutex::default(),
            evidence,
        };
        let watched = (!rights::of_the_cluster()).then(|| world.namespace.name());
        world.grant(watched).await;
        world
    }

    /// Grants the operator what the chart does in one more watched namespace, or in the whole cluster and there
    /// alone. A role of a namespace goes with it, so a test that deletes its namespace wants the latter.
    pub(crate) async fn grant(&self, watched: Option<&str>) {
        let home = self.namespace.name();
        let former = self.granted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if former.contains(&None) || former.contains(&watched.map(str::to_owned)) {
            return;
        }
        self.granted.lock().unwrap_or_else(PoisonError::into_inner).insert(watched.map(str::to_owned));
        let former = former.iter().filter(|_| watched.is_none());
        for object in former.flat_map(|scope| grants::grants(home, scope.as_deref())) {
            // Roles are shared with others' operators.
            if object["kind"] == "RoleBinding" {
                let (api, object) = self.role_or_binding(object);
                // One that stands in two scopes is gone already.
                let _ = api.delete(&object.name_any(), &DeleteParams::default()).await;
            }
        }
        for object in grants::grants(home, watched) {
            let (api, object) = self.role_or_binding(object);
            let params = PatchParams::apply("test").force();
            let granted = api.patch(&object.name_any(), &params, &Patch::Apply(&object)).await;
            granted.unwrap_or_else(|error| panic!("grant {}: {error}", object.name_any()));
        }
        grants::in_force(&self.client, home, watched).await;
    }

    fn role_or_binding(&self, object: Value) -> (Api<DynamicObject>, DynamicObject) {
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        let types = object.types.as_ref().expect("a kind");
        let resource = ApiResource::from_gvk(&types.try_into().expect("a kind"));
        let api = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        (api, object)
    }

    /// The user that its operators are.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn evidence(&self) -> Arc<Evidence> {
        Arc::clone(&self.evidence)
    }

    pub(crate) fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// Kubeconfig of that user.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub(crate) fn namespace(&self) -> &TestNamespace {
        &self.namespace
    }

    /// A client of an admin.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(crate) fn admin(&self) -> Admin {
        self.simulator.admin()
    }

    pub(crate) fn endpoint(&self) -> String {
        self.simulator.url()
    }

    /// `contract/tencent.yaml` for this world, without resync: a list that comes by itself would be counted.
    pub(crate) fn contract(&self) -> Contract {
        let mut contract = Contract::tencent(self.namespace.name(), &self.endpoint());
        contract.account["spec"]["resyncInterval"] = json!("0s");
        contract
    }

    /// Starts an operator and waits until it is ready.
    pub(crate) async fn operator(&self) -> Operator {
        self.operator_with(&[]).await
    }

    /// The same with other flags; an empty value stands for a flag without one.
    pub(crate) async fn operator_with(&self, flags: &[(&'static str, &str)]) -> Operator {
        match flags.iter().find(|(name, _)| *name == "watch-namespaces") {
            Some((_, "absent")) => self.grant(None).await,
            Some((_, names)) => {
                for name in names.split(',') {
                    self.grant(Some(name)).await;
                }
            }
            None => {}
        }
        let mut operator = self.start_operator(flags);
        operator.ready().await;
        operator
    }

    /// Starts an operator and does not wait.
    pub(crate) fn start_operator(&self, flags: &[(&'static str, &str)]) -> Operator {
        let mut all: Flags = [
            ("watch-namespaces", self.namespace.name()),
            ("leader-elect", "false"),
            ("allowed-endpoints", "127.0.0.1:*"),
            ("allow-plain-http", ""),
            ("owner-id", OWNER),
            ("secret-check-interval", "1h"),
            // Tests do not wait for half a minute.
            ("min-resync-interval", "1s"),
            // A second longer than nothing takes here, and short enough to wait for.
            ("vendor-timeout", "4s"),
            ("log", "info,iot_product_operator=debug"),
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
        let program = Path::new(env!("CARGO_BIN_EXE_iot-operator"));
        Operator::start(program, all, &self.evidence.log_file())
    }

    pub(crate) fn api(&self, kind: Kind) -> Api<DynamicObject> {
        if matches!(kind, Kind::ClusterAccount | Kind::Namespace) {
            return Api::all_with(self.client.clone(), &kind.resource());
        }
        Api::namespaced_with(self.client.clone(), self.namespace.name(), &kind.resource())
    }

    /// Applies a manifest as a user does.
    pub(crate) async fn apply(&self, manifest: &Value) {
        let name = manifest["metadata"]["name"].as_str().expect("a name");
        let params = PatchParams::apply("test").force();
        let applied = self.api(Kind::of(manifest)).patch(name, &params, &Patch::Apply(manifest)).await;
        applied.unwrap_or_else(|error| panic!("apply {name}: {error}"));
    }

    /// Applies Secret, account and product.
    pub(crate) async fn apply_all(&self, contract: &Contract) {
        for manifest in [&contract.key, &contract.account, &contract.product] {
            self.apply(manifest).await;
        }
    }

    /// Changes an object by a merge patch.
    pub(crate) async fn edit(&self, kind: Kind, name: &str, patch: Value) {
        let edited = self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await;
        edited.unwrap_or_else(|error| panic!("edit {kind:?} {name} by {patch}: {error}"));
    }

    /// Asks for a full check of a product now and waits until it is done.
    pub(crate) async fn check_now(&self, product: &str) -> Object {
        let asked = self.ask_for_check(product).await;
        self.product_until(product, "the check that was asked for", PATIENCE, |product| {
            product.text("/status/lastHandledReconcileAt") == asked
        })
        .await
    }

    /// Asks for a full check of a product now.
    pub(crate) async fn ask_for_check(&self, product: &str) -> String {
        let asked = jiff::Timestamp::now().to_string();
        self.edit(Kind::Product, product, json!({"metadata": {"annotations": {CHECK_NOW: asked}}})).await;
        asked
    }

    /// Asks for the deletion of an object.
    pub(crate) async fn delete(&self, kind: Kind, name: &str) {
        let deleted = self.api(kind).delete(name, &DeleteParams::default()).await;
        deleted.unwrap_or_else(|error| panic!("delete {kind:?} {name}: {error}"));
    }

    pub(crate) async fn get(&self, kind: Kind, name: &str) -> Option<Object> {
        let found =
            self.api(kind).get_opt(name).await.unwrap_or_else(|error| panic!("get {kind:?} {name}: {error}"));
        found.map(|object| Object(serde_json::to_value(object).expect("an object as JSON")))
    }

    pub(crate) async fn list(&self, kind: Kind) -> Vec<Object> {
        // A server whose store was exchanged says for a moment that it is not ready for it.
        let params = ListParams::default();
        let list = async || self.api(kind).list(&params).await.map_err(|error| error.to_string());
        let found = until("a list", PATIENCE, list).await;
        found
            .into_iter()
            .map(|object| Object(serde_json::to_value(object).expect("an object as JSON")))
            .collect()
    }

    /// Waits until an object is as described. An API server that is away is waited for as well.
    pub(crate) async fn object_until(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        limit: Duration,
        is: impl Fn(&Object) -> bool,
    ) -> Object {
        until(&format!("{kind:?} {name}: {what}"), limit, async || match self.api(kind).get_opt(name).await {
            Ok(Some(object)) => {
                let object = Object(serde_json::to_value(object).expect("an object as JSON"));
                if is(&object) { Ok(object) } else { Err(object.brief()) }
            }
            Ok(None) => Err("it does not exist".to_owned()),
            Err(error) => Err(error.to_string()),
        })
        .await
    }

    pub(crate) async fn product_until(
        &self,
        name: &str,
        what: &str,
        limit: Duration,
        is: impl Fn(&Object) -> bool,
    ) -> Object {
        self.object_until(Kind::Product, name, what, limit, is).await
    }

    /// Waits until a product has this reason.
    pub(crate) async fn reason(&self, name: &str, reason: &str) -> Object {
        self.product_until(name, &format!("reason {reason}"), PATIENCE, |product| {
            product.is_current() && product.reason() == reason
        })
        .await
    }

    /// Waits until an object is gone.
    pub(crate) async fn gone(&self, kind: Kind, name: &str, limit: Duration) {
        until(&format!("{kind:?} {name} to be gone"), limit, async || {
            self.get(kind, name).await.map_or(Ok(()), |object| Err(object.brief()))
        })
        .await;
    }

    /// A Secret with its values as texts.
    pub(crate) async fn secret(&self, name: &str) -> Option<(Secret, BTreeMap<String, String>)> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), self.namespace.name());
        let secret = api.get_opt(name).await.expect("a look at a Secret")?;
        let data = secret.data.clone().unwrap_or_default().into_iter();
        let data = data.map(|(key, value)| (key, String::from_utf8(value.0).expect("a text"))).collect();
        Some((secret, data))
    }

    /// Resource version of a Secret that must be there.
    pub(crate) async fn secret_version(&self, name: &str) -> String {
        let (secret, _) = self.secret(name).await.unwrap_or_else(|| panic!("Secret {name} exists"));
        secret.resource_version().expect("a resource version")
    }

    /// Runs kubectl as an admin in the test's namespace, and gives what it prints.
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        let mut kubectl = Command::new(self.plane.bin("kubectl"))
            .arg("--kubeconfig")
            .arg(self.plane.kubeconfig_path())
            .args(["--namespace", self.namespace.name()])
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

    /// Events of a reason about an object, by their notes.
    pub(crate) async fn events(&self, reason: &str, uid: &str) -> Vec<String> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), self.namespace.name());
        let events = api.list(&ListParams::default()).await.expect("the events");
        let about = |event: &Event| {
            event.reason.as_deref() == Some(reason)
                && event.regarding.as_ref().is_some_and(|object| object.uid.as_deref() == Some(uid))
        };
        events.into_iter().filter(about).filter_map(|event| event.note).collect()
    }

    /// This moment in the audit log.
    pub(crate) fn audit_mark(&self) -> Mark {
        self.plane.audit().and_then(|log| log.mark()).expect("the audit log")
    }

    /// Writes of this world's operators since a mark, without Events and Leases.
    pub(crate) async fn writes_since(&self, mark: Mark) -> Vec<AuditEntry> {
        let log = self.plane.audit().expect("the audit log");
        let mut writes = log.writes_by(&self.user, mark).await.expect("the audit log");
        writes.retain(|write| write.resource != "events" && write.resource != "leases");
        writes
    }
}

/// Writes in one line each.
pub(crate) fn in_short(writes: &[AuditEntry]) -> Vec<String> {
    let short = |write: &AuditEntry| {
        let slash = if write.subresource.is_empty() { "" } else { "/" };
        let AuditEntry { verb, resource, subresource, name, .. } = write;
        format!("{verb} {resource}{slash}{subresource} {name}")
    };
    writes.iter().map(short).collect()
}
