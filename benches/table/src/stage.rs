//! The ground of one measurement: a control plane, a vendor, accounts and products.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use iot_simulator::{Call, Config, Quota, QuotaMode, Settings, Simulator, tencent};
use iot_test_harness::{AuditEntry, ControlPlane, Mark, Options, install_crds};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use crate::contender::{Binaries, Contender, Operator, Wishes};

/// Who the operators are in the audit log.
const USER: &str = "operator";
/// How many requests the bench itself has under way when it applies objects.
const HANDS: usize = 32;

/// What the vendor is like.
#[derive(Clone, Copy)]
pub(crate) struct Vendor {
    /// Calls per second and action; none for no bound.
    pub(crate) quota: Option<u32>,
    pub(crate) latency: Duration,
    pub(crate) accounts: usize,
    /// Namespaces: `n0`, `n1`, … Each account lies in one of its own, or all are shared by more namespaces.
    pub(crate) namespaces: usize,
}

/// The ground of one measurement.
pub(crate) struct Stage {
    pub(crate) plane: ControlPlane,
    pub(crate) simulator: Simulator,
    pub(crate) client: Client,
    vendor: Vendor,
    kubeconfig: PathBuf,
    logs: tempfile::TempDir,
    ready: Arc<Ready>,
    watch: Option<AbortHandle>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

/// Products that are Ready, by a watch.
#[derive(Default)]
struct Ready(Mutex<HashSet<String>>);

impl Stage {
    pub(crate) async fn set(vendor: Vendor) -> Self {
        let plane = tokio::task::spawn_blocking(|| ControlPlane::start(&Options::default()));
        let plane = plane.await.expect("a thread").expect("a control plane");
        let client = plane.admin_client().await.expect("a client");
        let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds");
        install_crds(client.clone(), crds.as_ref()).await.expect("the definitions");
        let kubeconfig = plane.kubeconfig_as(USER, &["system:masters"]).expect("a kubeconfig");
        let simulator = Simulator::start_on_thread(config(vendor)).expect("a simulator");
        let logs = tempfile::tempdir().expect("a folder for logs");
        let ready = Arc::default();
        let mut stage = Self { plane, simulator, client, vendor, kubeconfig, logs, ready, watch: None };
        for number in 0..vendor.namespaces {
            let metadata = json!({"name": format!("n{number}")});
            stage.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})).await;
        }
        for number in 0..vendor.accounts {
            stage.open_account(number).await;
        }
        stage.watch = Some(stage.watch_products());
        stage
    }

    async fn open_account(&self, number: usize) {
        let namespace = self.namespace_of(number);
        let key = json!({"secretId": format!("AKID{number}"), "secretKey": "key"});
        let metadata = json!({"name": format!("key-{number}"), "namespace": namespace});
        self.apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": key}))
            .await;
        let limits = match self.vendor.quota {
            Some(_) => json!({}),
            None => json!({"unsafe": true, "requestsPerSecond": {"default": 10_000}}),
        };
        let mut spec = json!({
            "vendor": "TencentCloud",
            "region": "ap-guangzhou",
            "endpoint": self.simulator.url(),
            "credentials": {"secretRef": {"name": format!("key-{number}")}},
            "resyncInterval": "0s",
            "fullReadInterval": "0s",
            "limits": limits,
        });
        let name = account_name(number);
        if self.shared() {
            spec["credentials"]["secretRef"]["namespace"] = json!(namespace);
            spec["allowedNamespaces"] = json!({"selector": {}});
            self.apply(&iot("ClusterIotAccount", json!({"name": name}), spec)).await;
        } else {
            self.apply(&iot("IotAccount", json!({"name": name, "namespace": namespace}), spec)).await;
        }
    }

    /// Accounts are shared by namespaces.
    fn shared(&self) -> bool {
        self.vendor.namespaces > self.vendor.accounts
    }

    fn watch_products(&self) -> AbortHandle {
        let ready = Arc::clone(&self.ready);
        let products = Api::<DynamicObject>::all_with(self.client.clone(), &products());
        let watch = tokio::spawn(async move {
            let events = watcher(products, watcher::Config::default()).default_backoff().applied_objects();
            let seen = events.try_for_each(|object| {
                let mut ready = ready.0.lock().expect("no panic holds it");
                if is_ready(&object) {
                    ready.insert(object.name_any());
                } else {
                    ready.remove(&object.name_any());
                }
                std::future::ready(Ok(()))
            });
            seen.await.expect("a watch");
        });
        watch.abort_handle()
    }

    /// Starts an operator on it.
    pub(crate) fn operator(&self, contender: Contender, binaries: &Binaries, resync: Duration) -> Operator {
        let wishes =
            Wishes { kubeconfig: &self.kubeconfig, namespace: "n0", quota: self.vendor.quota, resync };
        Operator::start(contender, binaries, &wishes, &self.logs.path().join(contender.name()))
    }

    /// Applies an object as a user does.
    pub(crate) async fn apply(&self, object: &Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let kind = text("/kind");
        let plural = format!("{}s", kind.to_lowercase());
        let resource = match text("/apiVersion") {
            "v1" => core(kind, &plural),
            _ => resource(kind, &plural),
        };
        let api: Api<DynamicObject> = match text("/metadata/namespace") {
            "" => Api::all_with(self.client.clone(), &resource),
            namespace => Api::namespaced_with(self.client.clone(), namespace, &resource),
        };
        let params = PatchParams::apply("bench").force();
        let applied = api.patch(text("/metadata/name"), &params, &Patch::Apply(object)).await;
        applied.unwrap_or_else(|error| panic!("apply {object}: {error}"));
    }

    /// Applies products `<prefix>-0`, `<prefix>-1`, …, spread over the accounts and namespaces.
    pub(crate) async fn apply_products(&self, prefix: &str, count: usize) {
        let applied = futures::stream::iter(0..count).map(|number| async move {
            self.apply(&self.product(number, &format!("{prefix}-{number}"))).await;
        });
        applied.buffer_unordered(HANDS).collect::<Vec<()>>().await;
    }

    fn product(&self, number: usize, name: &str) -> Value {
        let kind = if self.shared() { "ClusterIotAccount" } else { "IotAccount" };
        let spec = json!({
            "vendor": "TencentCloud",
            "accountRef": {"kind": kind, "name": account_name(number % self.vendor.accounts)},
            "name": name,
            "description": "Room thermostats, second generation",
            "encryption": "Symmetric",
            "deletionPolicy": "Delete",
        });
        iot("IotProduct", json!({"name": name, "namespace": self.namespace_of(number)}), spec)
    }

    /// Changes the dynamic registration of product number `number`, which is one call at the vendor.
    pub(crate) async fn edit(&self, prefix: &str, number: usize, mode: &str) {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace_of(number), &products());
        let patch = Patch::Merge(json!({"spec": {"dynamicRegistration": {"mode": mode}}}));
        let name = format!("{prefix}-{number}");
        api.patch(&name, &PatchParams::default(), &patch).await.expect("an edit");
    }

    /// Has every account list its products this often from now on.
    pub(crate) async fn resync(&self, interval: &str) {
        let patch = Patch::Merge(json!({"spec": {"resyncInterval": interval}}));
        for number in 0..self.vendor.accounts {
            let client = self.client.clone();
            let api: Api<DynamicObject> = if self.shared() {
                Api::all_with(client, &resource("ClusterIotAccount", "clusteriotaccounts"))
            } else {
                Api::namespaced_with(
                    client,
                    &self.namespace_of(number),
                    &resource("IotAccount", "iotaccounts"),
                )
            };
            let name = account_name(number);
            api.patch(&name, &PatchParams::default(), &patch).await.expect("an edit");
        }
    }

    /// Gives the vendor a quota from now on: calls per second of each account and action.
    pub(crate) fn limit(&self, per_second: u32) {
        let quota = Quota { mode: QuotaMode::Sliding, per_second, actions: BTreeMap::new() };
        self.simulator.admin().edit_settings(|settings| settings.quota = quota);
    }

    fn namespace_of(&self, number: usize) -> String {
        format!("n{}", number % self.vendor.namespaces)
    }

    /// Waits until so many products are Ready. Tells how many are when there is no progress for two minutes.
    pub(crate) async fn until_ready(&self, count: usize) {
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let now = self.ready.0.lock().expect("no panic holds it").len();
            if now >= count {
                return;
            }
            if now != last {
                (last, since) = (now, Instant::now());
            }
            assert!(
                since.elapsed() < Duration::from_mins(2),
                "{now} of {count} products are Ready; {}",
                self.tail()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The end of the operators' logs.
    fn tail(&self) -> String {
        let read = |contender: Contender| {
            let log = std::fs::read_to_string(self.logs.path().join(contender.name())).unwrap_or_default();
            let lines: Vec<&str> = log.lines().rev().take(10).collect();
            lines.join("\n")
        };
        Contender::BOTH.map(read).join("\n")
    }

    /// Vendor calls since one.
    pub(crate) fn calls_since(&self, mark: u64) -> Vec<Call> {
        self.simulator.admin().calls_since(mark)
    }

    /// Number of the next vendor call.
    pub(crate) fn call_mark(&self) -> u64 {
        self.simulator.admin().next_sequence()
    }

    /// This moment in the audit log.
    pub(crate) fn audit_mark(&self) -> Mark {
        self.plane.audit().and_then(|log| log.mark()).expect("the audit log")
    }

    /// Writes of the operator since then, without Events and Leases.
    pub(crate) async fn writes_since(&self, mark: Mark) -> Vec<AuditEntry> {
        let log = self.plane.audit().expect("the audit log");
        let mut writes = log.writes_by(USER, mark).await.expect("the audit log");
        writes.retain(|write| write.resource != "events" && write.resource != "leases");
        writes
    }
}

fn config(vendor: Vendor) -> Config {
    let account = |number: usize| {
        let account = tencent::AccountConfig::new(&format!("a{number}"), &format!("AKID{number}"), "key");
        tencent::AccountConfig { product_limit: 100_000, ..account }
    };
    let quota = match vendor.quota {
        Some(per_second) => Quota { mode: QuotaMode::Sliding, per_second, actions: BTreeMap::new() },
        None => Quota::off(),
    };
    let latency_ms = u64::try_from(vendor.latency.as_millis()).expect("a short time");
    Config {
        call_log_capacity: 1_000_000,
        settings: Settings { quota, latency_ms, ..Settings::default() },
        tencent: (0..vendor.accounts).map(account).collect(),
        ..Config::default()
    }
}

fn account_name(number: usize) -> String {
    format!("account-{number}")
}

#[expect(clippy::needless_pass_by_value, reason = "they become part of the object")]
fn iot(kind: &str, metadata: Value, spec: Value) -> Value {
    json!({"apiVersion": "iot-products.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
}

/// The products' resource.
pub(crate) fn products() -> ApiResource {
    resource("IotProduct", "iotproducts")
}

fn resource(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("iot-products.io", "v1alpha1", kind), plural)
}

fn core(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", kind), plural)
}

fn is_ready(object: &DynamicObject) -> bool {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    let current = |condition: &&Value| condition["type"] == "Ready" && condition["status"] == "True";
    conditions.is_some_and(|conditions| conditions.iter().any(|condition| current(&condition)))
}
