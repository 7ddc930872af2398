//! The world of one run: an API server, the vendors, and an operator that can die at any request.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser as _;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use iot_product_operator::cli::{Cli, Command, RunArgs};
use iot_product_operator::client::Clients;
use iot_product_operator::clock;
use iot_product_operator::controller::context::Settings;
use iot_product_operator::http::endpoint::AllowedEndpoints;
use iot_product_operator::http::fence::Always;
use iot_product_operator::metrics::Metrics;
use iot_product_operator::run;
use iot_product_operator::server::Health;
use iot_product_operator::vendor::connection::Surroundings;
use iot_simulator::{Config, InProcess};
use iot_test_apiserver::{ApiServer, Kind, kinds};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::gate::Gate;
use crate::vendor::{Product, Vendor};
use crate::wire::{self, Vendors};

const DEFINITIONS: [&str; 3] = [
    include_str!("../../crds/iotproducts.yaml"),
    include_str!("../../crds/iotaccounts.yaml"),
    include_str!("../../crds/clusteriotaccounts.yaml"),
];

/// Namespace of the manifests.
pub(crate) const NAMESPACE: &str = "factory";
/// When every run begins, in seconds since the Unix epoch.
const BEGIN: i64 = 1_767_225_600;
/// A new process is there so long after the last one died.
const RESTART: Duration = Duration::from_secs(1);

fn arguments() -> &'static RunArgs {
    static ARGUMENTS: OnceLock<RunArgs> = OnceLock::new();
    ARGUMENTS.get_or_init(|| {
        let flags = ["iot-operator", "run", "--owner-id=crash", "--allow-plain-http"];
        match Cli::parse_from(flags).command {
            Command::Run(arguments) => *arguments,
            _ => unreachable!("the arguments are those of `run`"),
        }
    })
}

fn served() -> Arc<[Kind]> {
    static KINDS: OnceLock<Arc<[Kind]>> = OnceLock::new();
    Arc::clone(KINDS.get_or_init(|| kinds(&DEFINITIONS)))
}

fn endpoints() -> Arc<AllowedEndpoints> {
    static ENDPOINTS: OnceLock<Arc<AllowedEndpoints>> = OnceLock::new();
    Arc::clone(ENDPOINTS.get_or_init(|| {
        let endpoints = AllowedEndpoints::parse(&["vendor.test:80".to_owned()]).expect("a glob");
        Arc::new(endpoints.with_plain_http(true))
    }))
}

/// One operator process. Dropping it is its death.
struct Process {
    _controllers: JoinSet<()>,
    _drain: tokio::sync::watch::Sender<bool>,
}

/// The world of one run.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) simulator: InProcess,
    pub(crate) vendor: Vendor,
    pub(crate) gate: Gate,
    /// Name of the product's object.
    pub(crate) name: String,
    manifest: Value,
    account: String,
    /// Name of the credentials Secret.
    key: String,
    process: Option<Process>,
}

impl World {
    /// With an account that is ready, and an operator at work.
    pub(crate) async fn new(vendor: Vendor) -> Self {
        let begin = Timestamp::from_second(BEGIN).expect("a time");
        clock::follow_tokio(begin);
        let server = ApiServer::new(served(), begin);
        let simulator = InProcess::new(Config { seed: Some(1), ..Config::default() }, begin);
        if vendor == Vendor::HuaweiOpen {
            simulator.admin().edit_settings(|settings| {
                settings.huawei.unique_names = false;
                settings.huawei.unique_models = false;
            });
        }
        let [key, account, product] = vendor.manifests();
        let text = |value: &Value| value["metadata"]["name"].as_str().expect("a name").to_owned();
        let mut world = Self {
            server,
            simulator,
            vendor,
            gate: Gate::default(),
            name: text(&product),
            manifest: product,
            account: text(&account),
            key: text(&key),
            process: None,
        };
        for namespace in ["kube-system", NAMESPACE] {
            world.post("/api/v1/namespaces", &json!({"metadata": {"name": namespace}})).await;
        }
        world.post(&format!("/api/v1/namespaces/{NAMESPACE}/secrets"), &key).await;
        world.post(&path("iotaccounts", ""), &account).await;
        world.vendor.make(&world.simulator, "foreign", "somebody else's");
        world.start();
        world
    }

    /// The manifest of the product.
    pub(crate) fn manifest(&self) -> Value {
        self.manifest.clone()
    }

    /// Starts an operator: nothing of an earlier one is left but what the servers know.
    fn start(&mut self) {
        let arguments = arguments();
        let client = wire::client(self.server.clone(), self.gate.clone());
        let clients = Clients { api: client.clone(), watch: client };
        let settings = Settings {
            owner_id: arguments.owner_id.clone().unwrap_or_default(),
            min_resync_interval: arguments.min_resync_interval,
            secret_check_interval: arguments.secret_check_interval,
            vendor_timeout: arguments.vendor_timeout,
            reconcile_timeout: arguments.reconcile_timeout,
        };
        let surroundings = Surroundings {
            endpoints: endpoints(),
            fence: Arc::new(Always),
            network: Arc::new(Vendors { simulator: self.simulator.clone(), gate: self.gate.clone() }),
            metrics: Metrics::new(),
            refusals: Arc::default(),
            memory: Arc::default(),
            forbid_unsafe_limits: false,
            tenant: Arc::from(""),
        };
        let health = Health::new(&["IotProduct", "IotAccount", "ClusterIotAccount"], Duration::from_mins(1));
        let (drain, draining) = tokio::sync::watch::channel(false);
        let controllers = run::start(arguments, clients, settings, surroundings, &health, &draining);
        self.process = Some(Process { _controllers: controllers, _drain: drain });
    }

    /// Lets time go on. A process that dies is followed by another.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            tokio::select! {
                biased;
                () = self.gate.died() => {
                    self.process = None;
                    sleep(RESTART).await;
                    self.gate.revive();
                    clock::restart();
                    self.start();
                }
                () = tokio::time::sleep_until(end) => {}
            }
        }
    }

    /// Lets time go on until something is so.
    pub(crate) async fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) -> Result<(), String> {
        for _ in 0..600 {
            if is(self) {
                return Ok(());
            }
            self.pass(Duration::from_millis(500)).await;
        }
        let account = self.account().unwrap_or_default();
        let calls: Vec<String> =
            self.simulator.admin().calls().iter().map(|call| format!("{call:?}")).collect();
        Err(format!("no faults yet, and not within five minutes: {what}: {} {calls:?}", account["status"]))
    }

    /// What a user does, straight at the API server.
    pub(crate) async fn request(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let merge = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", merge)
            .body(Bytes::from(body.to_string()))
            .expect("a request");
        let answer = self.server.answer(request);
        let status = answer.status();
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        let value: Value = serde_json::from_slice(&bytes).expect("JSON");
        if status.is_success() { Ok(value) } else { Err(value.to_string()) }
    }

    /// Keeps the Secret of the only product that is not somebody else's, as who made it brings it.
    pub(crate) async fn bring_secret(&self) {
        let products = self.products();
        let product = products.iter().find(|product| product.name != "foreign").expect("a product");
        let (key, value) = product.secret.clone().expect("a password");
        let secret = json!({
            "metadata": {"name": format!("{}-credentials", self.name)},
            "type": "iot-products.io/product-credentials",
            "stringData": {"vendor": "HuaweiCloud", "productId": product.id, key: value},
        });
        self.post(&format!("/api/v1/namespaces/{NAMESPACE}/secrets"), &secret).await;
    }

    /// Puts other values into the credentials Secret, and gives those that were there.
    pub(crate) async fn exchange_key(&self, values: &Value) -> Value {
        let name = self.key.as_str();
        let before = self.secret(name).expect("the credentials Secret")["data"].clone();
        let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/{name}");
        self.request(Method::PATCH, &path, &json!({"data": values})).await.expect("an edit");
        before
    }

    async fn post(&self, path: &str, body: &Value) {
        self.request(Method::POST, path, body).await.expect("an object");
    }

    /// Creates the product's object.
    pub(crate) async fn apply(&self, manifest: &Value) {
        self.post(&path("iotproducts", ""), manifest).await;
    }

    /// Changes the product's object.
    pub(crate) async fn edit(&self, patch: &Value) {
        let target = path("iotproducts", &self.name);
        self.request(Method::PATCH, &target, patch).await.expect("an edit");
    }

    /// Deletes the product's object.
    pub(crate) async fn delete(&self) {
        self.request(Method::DELETE, &path("iotproducts", &self.name), &json!({})).await.expect("a deletion");
    }

    /// Deletes the namespace.
    pub(crate) async fn end_namespace(&self) {
        let path = format!("/api/v1/namespaces/{NAMESPACE}");
        self.request(Method::DELETE, &path, &json!({})).await.expect("a deletion");
    }

    /// The product's object.
    pub(crate) fn object(&self) -> Option<Arc<Value>> {
        self.server.object("iotproducts", NAMESPACE, &self.name)
    }

    /// The account's object.
    pub(crate) fn account(&self) -> Option<Arc<Value>> {
        self.server.object("iotaccounts", NAMESPACE, &self.account)
    }

    /// A Secret.
    pub(crate) fn secret(&self, name: &str) -> Option<Arc<Value>> {
        self.server.object("secrets", NAMESPACE, name)
    }

    /// All products at the vendor.
    pub(crate) fn products(&self) -> Vec<Product> {
        self.vendor.products(&self.simulator)
    }
}

/// Path of our own kinds.
fn path(plural: &str, name: &str) -> String {
    let base = format!("/apis/iot-products.io/v1alpha1/namespaces/{NAMESPACE}/{plural}");
    if name.is_empty() { base } else { format!("{base}/{name}") }
}
