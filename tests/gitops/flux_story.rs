//! Flux: Secret, account and products in one Kustomization with `wait: true` and no expressions.

use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::document;
use crate::factory::{CREATE, DELETE, REGISTRATION, contract, limited};
use crate::flux::{Flux, History, NAMESPACE};
use crate::git::Repository;
use crate::lab::{Kind, Lab};
use crate::report::{memory, part, quiet, see, seen};

const FACTORY: &str = "flux-factory";
const LATE: &str = "flux-late";
const FILE: &str = "products/thermostat.yaml";
const PRODUCT: (Kind, &str, &str) = (Kind::Product, FACTORY, "thermostat");
const CREDENTIALS: (Kind, &str, &str) = (Kind::Secret, FACTORY, "thermostat-credentials");
const GOOD: &str = "True:ReconciliationSucceeded";
const WAITING: &str = "Unknown:Progressing";

/// How long after the rest the late Secret comes.
const LATE_SECONDS: u64 = 10;

struct Story<'a> {
    lab: &'a Lab,
    flux: Flux<'a>,
    git: Repository,
    product: Value,
}

pub(crate) async fn tell(lab: &Lab) {
    part("Flux: kustomize-controller");
    lab.stop("iot-operator").await;
    let definitions = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    // Argo CD may have applied them before.
    lab.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", definitions], "");
    for namespace in [FACTORY, LATE, "iot-operator"] {
        let made = lab.kubectl(&["create", "namespace", namespace, "--dry-run=client", "-o", "json"], "");
        lab.kubectl(&["apply", "-f", "-"], &made);
    }
    let flux = Flux::start(lab).await;
    let [_, _, product] = contract(lab, FACTORY);
    let git = Repository::new(&lab.folder("flux-git"));
    let mut story = Story { lab, flux, git, product };
    story.unseen_then_ready().await;
    story.edits().await;
    story.late_secret().await;
    memory(lab);
    story.prune().await;
}

/// The Kustomization of products as documented, for a folder of this repository.
fn kustomization(name: &str, path: &str) -> Value {
    let mut kustomization = document::object("Flux", "Kustomization", "factory");
    kustomization["metadata"]["name"] = json!(name);
    let spec = kustomization["spec"].as_object_mut().expect("a spec");
    assert_eq!(spec["wait"], true);
    assert!(!spec.contains_key("healthCheckExprs") && !spec.contains_key("healthChecks"));
    spec.remove("dependsOn");
    spec.insert("path".into(), json!(path));
    spec.insert("interval".into(), json!("10s"));
    kustomization
}

/// Fails where it was anything else at any time.
fn in_progress(history: &History) {
    let states = history.all();
    assert!(states.iter().any(|state| state == WAITING), "{states:?}");
    assert!(states.iter().all(|state| state == WAITING || state == ":"), "{states:?}");
    seen("at no time was it anything else");
}

impl Story<'_> {
    async fn unseen_then_ready(&self) {
        part("Flux: in progress until the operator has seen it, then Ready");
        let [key, account, _] = contract(self.lab, FACTORY);
        self.git.write("products/account.yaml", &[key, account]);
        self.git.write(FILE, std::slice::from_ref(&self.product));
        let history = self.flux.follow("factory");
        let revision = self.flux.publish(&self.git, "Key, account and product").await;
        self.flux.apply(&kustomization("factory", "./products"));
        self.lab.object("Secret, account and product are applied", PRODUCT, |_| true).await;
        self.flux.is("no operator runs yet", "factory", &revision, WAITING).await;
        quiet(5).await;
        in_progress(&history);
        let created = self.lab.applied(CREATE);
        self.lab.start_operator().await;
        self.flux.is("the operator has created the product", "factory", &revision, GOOD).await;
        assert_eq!(self.lab.applied(CREATE), created + 1);
        self.lab.object("its Secret is there", CREDENTIALS, |_| true).await;
    }

    async fn publish_limit(&mut self, limit: u64, message: &str) -> String {
        self.product = limited(&self.product, limit);
        self.git.write(FILE, std::slice::from_ref(&self.product));
        self.flux.publish(&self.git, message).await
    }

    async fn edits(&mut self) {
        part("Flux: edits in Git");
        let before = self.lab.applied(REGISTRATION);
        let revision = self.publish_limit(7000, "More devices").await;
        self.flux.is("an edit", "factory", &revision, GOOD).await;
        assert_eq!(self.lab.limit_at_vendor("thermostat"), Some(7000));
        assert_eq!(self.lab.applied(REGISTRATION), before + 1);
        seen("the vendor has it, by one call");

        let refusal = Fault::Error {
            code: "InvalidParameterValue".to_owned(),
            message: Some("RegisterLimit is too large".to_owned()),
        };
        self.lab.vendor().add_fault(Rule::on(REGISTRATION, refusal));
        let revision = self.publish_limit(900_000, "Too many").await;
        let said = self.flux.is("Stalled", "factory", &revision, "False:HealthCheckFailed").await;
        assert!(said.contains("IotProduct/flux-factory/thermostat"), "{said}");
        assert!(!said.contains("timeout waiting"), "{said}");
        seen(&format!("at once, not after the timeout: {said}"));
        self.lab.vendor().clear_faults();
        let revision = self.publish_limit(9000, "Fewer again").await;
        self.flux.is("mended", "factory", &revision, GOOD).await;

        let by_hand = json!({"spec": {"dynamicRegistration": {"limit": 1}}});
        self.lab.patch(Kind::Product, FACTORY, "thermostat", by_hand).await;
        self.lab
            .object("a change by hand is taken back", PRODUCT, |product| {
                product["spec"]["dynamicRegistration"]["limit"] == 9000
            })
            .await;
        see("the vendor has what Git says", async || match self.lab.limit_at_vendor("thermostat") {
            Some(9000) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }

    async fn late_secret(&self) {
        part("Flux: the Secret comes ten seconds after the rest");
        let [key, account, product] = contract(self.lab, LATE);
        self.git.write("late/account.yaml", &[account]);
        let mut product = product;
        product["spec"]["name"] = json!("late-thermostat");
        self.git.write("late/product.yaml", &[product]);
        let history = self.flux.follow("late");
        let revision = self.flux.publish(&self.git, "No key yet").await;
        self.flux.apply(&kustomization("late", "./late"));
        let late = (Kind::Product, LATE, "thermostat");
        self.lab.object("account and product are applied", late, |_| true).await;
        quiet(LATE_SECONDS).await;
        in_progress(&history);
        self.flux.is("without a key", "late", &revision, WAITING).await;
        self.lab.kubectl(&["apply", "-f", "-"], &key.to_string());
        self.flux.is("with the key", "late", &revision, GOOD).await;
        let states = history.all();
        assert!(states.iter().all(|state| !state.starts_with("False:")), "{states:?}");
        seen(&format!("never failed: {}", states.join(", ")));
    }

    async fn prune(&self) {
        part("Flux: prune");
        let deleted = self.lab.applied(DELETE);
        self.git.remove(FILE);
        let revision = self.flux.publish(&self.git, "No thermostats").await;
        self.lab.gone("removed from Git: the object is gone", PRODUCT).await;
        assert_eq!(self.lab.applied(DELETE), deleted + 1);
        seen("the vendor has deleted it");
        self.lab.gone("its Secret is gone", CREDENTIALS).await;
        self.flux.is("pruned", "factory", &revision, GOOD).await;
        self.lab.delete(Kind::Kustomization, NAMESPACE, "late").await;
        self.lab
            .gone("a Kustomization is removed: its product is gone", (Kind::Product, LATE, "thermostat"))
            .await;
        assert_eq!(self.lab.applied(DELETE), deleted + 2);
        let left = self.lab.tencent().products(crate::factory::ACCOUNT).expect("the vendor's products");
        let names: Vec<&str> = left.iter().map(|product| product.product_name.as_str()).collect();
        assert!(names.is_empty(), "{names:?}");
        seen("the vendor has no product left");
    }
}
