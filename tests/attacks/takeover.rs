//! A tenant wants a product of the vendor account that no manifest of theirs has made. The admin's account lets
//! nothing be taken over, or nothing that carries a mark; the tenant tries every order of edits.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::iter;
use iot_simulator::tencent::Product;
use iot_simulator::{Call, Quota};
use iot_test_harness::manifest::{Contract, named};
use iot_test_harness::{Kind, Object};
use serde_json::{Value, json};

use crate::session::attacks;
use crate::world::{ACCOUNT, World};

attacks!(Own { no_order_of_edits_takes_an_unmarked_product, no_order_of_edits_takes_a_marked_product });

/// What a tenant applies first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// A manifest that creates, which the vendor refuses: the name is taken.
    Create,
    /// The same under an adoption policy.
    ByName,
    /// An import.
    Import,
    /// A manifest that only watches.
    Watch,
    /// A manifest that waits, with a ledger of this kind.
    Suspended(Ledger),
}

/// What the tenant writes into the ledger's annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ledger {
    None,
    /// An attempt that was made and answered, elsewhere.
    Closed,
    /// An attempt whose outcome is unknown.
    Open,
    /// The same, said to be still under way.
    UnderWay,
    /// What stands at another product of the tenant's.
    Copied,
    /// No ledger at all.
    Damaged,
}

const STARTS: [Start; 10] = [
    Start::Create,
    Start::ByName,
    Start::Import,
    Start::Watch,
    Start::Suspended(Ledger::None),
    Start::Suspended(Ledger::Closed),
    Start::Suspended(Ledger::Open),
    Start::Suspended(Ledger::UnderWay),
    Start::Suspended(Ledger::Copied),
    Start::Suspended(Ledger::Damaged),
];

/// What the tenant edits then, one spec after the other; `$id` is the product's id.
fn orders() -> Vec<(&'static str, Vec<Value>)> {
    let watch = json!({"managementPolicy": "ObserveOnly", "productId": "$id", "suspend": false});
    let by_name = json!({"managementPolicy": "ObserveOnly", "adoptionPolicy": "MatchName", "suspend": false});
    let full = json!({"managementPolicy": "Full"});
    vec![
        ("go on", vec![json!({"suspend": false})]),
        ("watch, manage", vec![watch.clone(), full.clone()]),
        ("watch by name, manage", vec![by_name.clone(), full.clone()]),
        (
            "watch, manage without id",
            vec![watch.clone(), json!({"managementPolicy": "Full", "productId": null})],
        ),
        (
            "watch, manage by name",
            vec![watch.clone(), json!({"managementPolicy": "Full", "adoptionPolicy": "MatchName"})],
        ),
        (
            "watch, wait, manage, go on",
            vec![watch.clone(), json!({"suspend": true}), full.clone(), json!({"suspend": false})],
        ),
        (
            "manage by id, watch, manage",
            vec![json!({"productId": "$id", "suspend": false}), watch.clone(), full.clone()],
        ),
        (
            "watch, manage and only report",
            vec![watch, json!({"managementPolicy": "Full", "driftPolicy": "Report"})],
        ),
        (
            "retain, then watch and manage",
            vec![
                json!({"deletionPolicy": "Retain", "suspend": false}),
                by_name,
                json!({"managementPolicy": "Full", "deletionPolicy": "Delete", "productId": "$id"}),
            ],
        ),
    ]
}

fn with_id(spec: &Value, id: &str) -> Value {
    serde_json::from_str(&spec.to_string().replace("$id", id)).expect("JSON")
}

/// One order of edits and the product that it wants.
struct Case {
    name: String,
    start: Start,
    order: &'static str,
    edits: Vec<Value>,
    wanted: Product,
}

/// Products that are no tenant's, one for each order.
fn cases(world: &World, description: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for start in STARTS {
        for (order, edits) in orders() {
            let name = format!("crown-{}", cases.len());
            let mut product = Product::named(&name);
            // As the manifest says, so that nothing but the owner differs.
            "2".clone_into(&mut product.encryption_type);
            description.clone_into(&mut product.product_description);
            let wanted = world.vendor().tencent().create_product(ACCOUNT, product).expect("a product");
            cases.push(Case { name, start, order, edits, wanted });
        }
    }
    cases
}

impl Case {
    fn manifest(&self, contract: &Contract) -> Value {
        let mut product = named(&contract.product, &self.name);
        let spec = &mut product["spec"];
        // A description is compared and would be a difference to report.
        spec.as_object_mut().expect("a spec").remove("description");
        spec["accountRef"]["kind"] = json!("ClusterIotAccount");
        match self.start {
            Start::Create => {}
            Start::ByName => spec["adoptionPolicy"] = json!("MatchName"),
            Start::Import => spec["productId"] = json!(self.wanted.product_id),
            Start::Watch => {
                spec["productId"] = json!(self.wanted.product_id);
                spec["managementPolicy"] = json!("ObserveOnly");
            }
            Start::Suspended(_) => spec["suspend"] = json!(true),
        }
        product
    }

    /// The annotation that the tenant forges.
    fn ledger(&self, ledger: Ledger, uid: &str, copied: &str) -> Option<String> {
        let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
        let forged = |state: &str, deadline: &str| {
            json!({
                "uid": uid, "connection": "0", "name": self.name, "attempt": 7, "state": state,
                "deadline": deadline,
            })
        };
        let past = "2026-01-01T00:00:00Z";
        match ledger {
            Ledger::None => None,
            Ledger::Closed => Some(forged("closed", past).to_string()),
            Ledger::Open => Some(forged("open", past).to_string()),
            Ledger::UnderWay => Some(forged("open", &soon.to_string()).to_string()),
            Ledger::Copied => {
                let mut copied: Value = serde_json::from_str(copied).expect("a ledger");
                copied["uid"] = json!(uid);
                copied["name"] = json!(self.name);
                Some(copied.to_string())
            }
            Ledger::Damaged => Some("{".to_owned()),
        }
    }

    /// Edits in this order, each after the operator has carried out the one before, and deletes in the end.
    async fn play(&self, world: &World, contract: &Contract, copied: &str) {
        let tenant = &world.mallory;
        let object = tenant.apply(&self.manifest(contract)).await;
        if let Start::Suspended(ledger) = self.start
            && let Some(text) = self.ledger(ledger, object.uid(), copied)
        {
            let patch = json!({"metadata": {"annotations": {"iot-products.io/creation": text}}});
            tenant.edit(Kind::Product, &self.name, patch).await;
        }
        let limit = json!({"dynamicRegistration": {"mode": "AutoCreate", "limit": 4999}});
        for spec in std::iter::once(&json!({})).chain(&self.edits).chain([&limit]) {
            self.edit(world, &with_id(spec, &self.wanted.product_id)).await;
        }
        tenant.delete(Kind::Product, &self.name).await;
        tenant.gone(Kind::Product, &self.name).await;
    }

    /// One edit with a full check. One that a rule refuses leaves everything as it is.
    async fn edit(&self, world: &World, spec: &Value) {
        let asked = jiff::Timestamp::now().to_string();
        let annotations = json!({"reconcile.fluxcd.io/requestedAt": asked});
        let patch = json!({"metadata": {"annotations": annotations}, "spec": spec});
        let edited = match world.mallory.try_edit(Kind::Product, &self.name, &patch).await {
            Ok(edited) => edited,
            Err(kube::Error::Api(status)) if status.code == 422 => return,
            Err(error) => panic!("edit {} by {spec}: {error}", self.name),
        };
        let what = format!("{spec} carried out");
        let suspended = edited.0["spec"]["suspend"] == true;
        // While an object is suspended no check is made of it, and none is answered.
        let done = |object: &Object| {
            if suspended {
                object.reason() == "Suspended" || object.is("Suspended")
            } else {
                object.is_current() && object.text("/status/lastHandledReconcileAt") == asked
            }
        };
        world.mallory.until(Kind::Product, &self.name, &what, done).await;
    }
}

/// Plays every order, and says what was taken.
async fn take(world: &Arc<World>, adoption: Option<&str>, description: &str) {
    world.vendor().edit_settings(|settings| settings.quota = Quota::off());
    let mut contract = world.tencent();
    contract.account["spec"]["resyncInterval"] = json!("0s");
    contract.account["spec"]["limits"] = json!({"requestsPerSecond": {"default": 1000}, "unsafe": true});
    let _operator = world.operator_of_cluster(&[]).await;
    let allowed = json!({"names": [world.mallory.namespace()]});
    world.share(&contract, adoption, allowed).await;
    // A product that is the tenant's own: what it has may be copied.
    let mut own = named(&contract.product, "own");
    own["spec"]["accountRef"]["kind"] = json!("ClusterIotAccount");
    world.mallory.apply(&own).await;
    let own = world.mallory.ready("own").await;
    let copied = own.text("/metadata/annotations/iot-products.io~1creation").to_owned();

    let cases = cases(world, description);
    let (audit, calls) = (world.audit_mark(), world.call_mark());
    let played = iter(&cases).map(|case| case.play(world, &contract, &copied));
    played.buffer_unordered(16).collect::<Vec<()>>().await;

    let mut taken = Vec::new();
    let secrets: BTreeSet<String> = world
        .writes_since(audit)
        .into_iter()
        .filter(|write| write.resource == "secrets" && write.namespace == world.mallory.namespace())
        .map(|write| write.name)
        .collect();
    let calls = world.calls_since(calls);
    for case in &cases {
        let secret = secrets.contains(&format!("{}-credentials", case.name));
        let now = world.vendor().tencent().product(ACCOUNT, &case.wanted.product_id);
        let same = now.as_ref().is_ok_and(|now| *now == case.wanted);
        let changed: Vec<&str> = changes(&calls, &case.wanted.product_id);
        if secret || !same || !changed.is_empty() {
            let what = if now.is_err() {
                "deleted"
            } else if same {
                "unchanged"
            } else {
                "changed"
            };
            let (start, order) = (case.start, case.order);
            taken.push(format!("{start:?}, then {order}: Secret {secret}, {what}, calls {changed:?}"));
        }
    }
    assert!(taken.is_empty(), "{} of {} orders took it:\n{}", taken.len(), cases.len(), taken.join("\n"));
}

/// Calls about a product that change something at the vendor, whether they succeeded or not.
fn changes<'a>(calls: &'a [Call], id: &str) -> Vec<&'a str> {
    let about = calls.iter().filter(|call| call.product_id.as_deref() == Some(id));
    about
        .map(|call| call.action.as_str())
        .filter(|action| !action.starts_with("Describe") && *action != "CreateProduct")
        .collect()
}

async fn no_order_of_edits_takes_an_unmarked_product(world: Arc<World>) {
    take(&world, None, "").await;
}

async fn no_order_of_edits_takes_a_marked_product(world: Arc<World>) {
    take(&world, Some("Unmarked"), "of another cluster [iotp:0123456789ab.01234567]").await;
}
