//! `managementPolicy`, `deletionPolicy`, `suspend` and `driftPolicy` together: what is called, what is
//! written, and what deletion does, in every combination. `docs/policies.md` has the table.

mod table;

use std::collections::BTreeSet;
use std::time::Duration;

use iot_simulator::tencent::Product;
use iot_simulator::{Fault, Rule};
use iot_test_harness::Mark;
use serde_json::json;

use crate::manifest::{Contract, THERMOSTAT, named};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::{Plane, Test};
use crate::vendor::{ACCOUNT, FORBID, LIST, REGISTRATION};
use crate::world::{PATIENCE, World};
use table::{Effect, Policy, WAITS_DELETION};

pub(crate) use table::the_document_is_as_tested;

/// The garbage collector, which a foreground or orphan deletion waits for, learns of new kinds every 30 s.
const COLLECTED: Duration = Duration::from_secs(90);

/// The product of each cascade, which is also its name.
const CASCADES: [&str; 3] = ["background", "foreground", "orphan"];

pub(crate) fn tests() -> Vec<Test> {
    let mut tests: Vec<Test> = Policy::all()
        .into_iter()
        .map(|policy| {
            let name = policy.name();
            Test::new(module_path!(), &name, Plane::Shared, move |world| Box::pin(play(world, policy)))
        })
        .collect();
    tests.extend(about_edits());
    tests
}

crate::session::tests!(as about_edits Shared {
    an_edit_leaves_what_is_only_reported,
    an_edit_that_failed_is_set_later,
    what_is_taken_over_is_only_reported,
});

async fn play(world: World, policy: Policy) {
    let mut contract = world.contract();
    let spec = &mut contract.product["spec"];
    spec["managementPolicy"] = json!(policy.management.as_str());
    spec["deletionPolicy"] = json!(policy.deletion.as_str());
    spec["driftPolicy"] = json!(policy.drift.as_str());
    spec["suspend"] = json!(policy.suspend);
    if policy.watches() {
        spec["adoptionPolicy"] = json!("MatchName");
        for name in CASCADES {
            existing(&world, &contract, name, 5000);
        }
    }
    let _operator = world.operator().await;
    world.connect(&contract).await;
    for name in CASCADES {
        let life = Life { world: &world, policy, name };
        life.begin(&contract).await;
        if name == CASCADES[0] {
            life.go_on().await;
        }
        life.end(name).await;
    }
}

/// A product without a mark that is as the manifest says, but for the limit.
fn existing(world: &World, contract: &Contract, name: &str, limit: u64) -> Product {
    let mut product = Product::named(name);
    "2".clone_into(&mut product.encryption_type);
    let description = contract.product["spec"]["description"].as_str().unwrap();
    description.clone_into(&mut product.product_description);
    product.register_type = 2;
    "MDEyMzQ1Njc4OWFiY2RlZg==".clone_into(&mut product.product_secret);
    product.register_limit = limit;
    world.tencent().create_product(ACCOUNT, product).unwrap()
}

/// One product's life under a policy.
struct Life<'a> {
    world: &'a World,
    policy: Policy,
    name: &'static str,
}

impl Life<'_> {
    fn mark(&self) -> (u64, Mark) {
        (self.world.call_mark(), self.world.audit_mark())
    }

    /// Since then exactly this was called and written.
    async fn took(&self, (calls, writes): (u64, Mark), effect: &Effect) {
        let mut called: BTreeSet<String> = self.world.calls_since(calls).into_keys().collect();
        if effect.shares_a_list() {
            called.remove(LIST);
        }
        let expected = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(called, expected(effect.calls), "calls of {} when it {}", self.name, effect.word);
        let own = self.world.writes_since(writes).await.into_iter();
        let written: BTreeSet<String> = own
            .filter(|write| write.name == self.name || write.name == self.secret())
            .map(|write| {
                let slash = if write.subresource.is_empty() { "" } else { "/" };
                format!("{} {}{slash}{}", write.verb, write.resource, write.subresource)
            })
            .collect();
        assert_eq!(written, expected(effect.writes), "writes of {} when it {}", self.name, effect.word);
    }

    fn secret(&self) -> String {
        format!("{}-credentials", self.name)
    }

    fn product(&self) -> Option<Product> {
        self.world.products().into_iter().find(|product| product.product_name == self.name)
    }

    async fn until(&self, what: &str, is: impl Fn(&Object) -> bool) -> Object {
        self.world.product_until(self.name, what, PATIENCE, is).await
    }

    async fn suspend(&self, suspend: bool) {
        self.world.edit(Kind::Product, self.name, json!({"spec": {"suspend": suspend}})).await;
        self.until("suspended or not", |object| object.is_current() && object.is("Suspended") == suspend)
            .await;
    }

    async fn begin(&self, contract: &Contract) {
        let mark = self.mark();
        let before = self.product();
        self.world.apply(&named(&contract.product, self.name)).await;
        if self.policy.suspend {
            self.until("Suspended", |object| object.is("Suspended") && object.reason() == "Suspended").await;
            assert!(self.world.secret(&self.secret()).await.is_none());
        } else {
            self.until("Ready", Object::is_available).await;
        }
        self.took(mark, self.policy.first_visit()).await;
        if self.policy.suspend {
            assert_eq!(self.product(), before);
            self.suspend(false).await;
            let going = Policy { suspend: false, ..self.policy };
            self.until("Ready", Object::is_available).await;
            self.took(mark, going.first_visit()).await;
        }
        assert!(self.product().is_some());
        assert!(self.world.secret(&self.secret()).await.is_some());
        if self.policy.watches() {
            assert_eq!(self.product(), before);
        }
    }

    /// An edit, and a change at the vendor that a check is asked for.
    async fn go_on(&self) {
        if self.policy.suspend {
            return self.go_on_suspended().await;
        }
        let mark = self.mark();
        self.edit_limit(9000).await;
        let object = self.until("the edit", Object::is_available).await;
        let shows = self.policy.edit().word == "shows";
        assert_eq!(self.limit(), if shows { 5000 } else { 9000 });
        assert_eq!(object.is("Drifted"), shows, "{}", object.brief());
        self.took(mark, self.policy.edit()).await;

        let mark = self.mark();
        self.change_limit(1);
        let object = self.world.check_now(self.name).await;
        let reports = self.policy.change_at_the_vendor().word == "reports";
        assert_eq!(self.limit(), if reports { 1 } else { 9000 });
        assert!(object.is_available() && object.is("Drifted") == reports, "{}", object.brief());
        let field = "dynamicRegistration.limit";
        let drift = json!([{"field": field, "want": "9000", "have": "1"}]);
        assert_eq!(object.0["status"].get("drift"), reports.then_some(&drift), "{}", object.brief());
        self.took(mark, self.policy.change_at_the_vendor()).await;
    }

    async fn go_on_suspended(&self) {
        self.suspend(true).await;
        let mark = self.mark();
        self.change_limit(1);
        self.world.ask_for_check(self.name).await;
        // The edit is seen after the wish for a check was.
        self.edit_limit(9000).await;
        let object = self.until("the edit seen", Object::is_current).await;
        assert!(object.is_available() && !object.is("Drifted"), "Ready keeps its value: {}", object.brief());
        assert_eq!(object.text("/status/lastHandledReconcileAt"), "");
        assert_eq!(self.limit(), 1);
        assert!(self.policy.change_at_the_vendor().writes.is_empty(), "the writes are the edit's");
        self.took(mark, self.policy.edit()).await;
    }

    async fn edit_limit(&self, limit: u32) {
        let spec = json!({"spec": {"dynamicRegistration": {"limit": limit}}});
        self.world.edit(Kind::Product, self.name, spec).await;
    }

    fn change_limit(&self, limit: u64) {
        let id = self.product().unwrap().product_id;
        self.world.behind_the_back(&id, |product| product.register_limit = limit);
    }

    fn limit(&self) -> u64 {
        self.product().unwrap().register_limit
    }

    async fn end(&self, cascade: &str) {
        if self.policy.suspend {
            self.suspend(true).await;
        }
        let (mut mark, before) = (self.mark(), self.product());
        let cascade = format!("--cascade={cascade}");
        self.world.kubectl(&["delete", "iotproduct", self.name, &cascade, "--wait=false"], "");
        if self.policy.suspend {
            let says_so = |object: &Object| {
                let suspended = object.condition("Suspended");
                suspended.is_some_and(|s| s["message"].as_str().unwrap_or_default().contains("deletion"))
            };
            self.until("says that its deletion waits", says_so).await;
            self.took(mark, &WAITS_DELETION).await;
            assert_eq!(self.product(), before);
            mark = self.mark();
            self.world.edit(Kind::Product, self.name, json!({"spec": {"suspend": false}})).await;
        }
        self.world.gone(Kind::Product, self.name, COLLECTED).await;
        let effect = self.policy.deletion();
        self.took(mark, effect).await;
        let secret = self.world.secret(&self.secret()).await;
        assert_eq!(secret.is_some(), effect.word == "leaves", "{}", effect.word);
        let product = before.filter(|_| effect.word != "deletes");
        assert_eq!(self.product(), product, "{}", effect.word);
    }
}

async fn reported(world: &World) -> (Operator, Product) {
    let mut contract = world.contract();
    contract.product["spec"]["driftPolicy"] = json!("Report");
    let operator = world.operator().await;
    world.connect(&contract).await;
    world.apply(&contract.product).await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    (operator, product)
}

/// With `Report` an edit sets the fields that it changes, and no other that differs.
async fn an_edit_leaves_what_is_only_reported(world: World) {
    let (_operator, product) = reported(&world).await;
    world.behind_the_back(&product.product_id, |product| product.register_limit = 1);
    let object = world.check_now(THERMOSTAT).await;
    assert!(object.is("Drifted"), "{}", object.brief());
    let calls = world.call_mark();
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"enabled": false}})).await;
    let object = world.product_until(THERMOSTAT, "the edit", PATIENCE, Object::is_available).await;
    assert_eq!(world.calls_since(calls).into_keys().collect::<Vec<_>>(), [FORBID]);
    let product = world.only_product();
    assert_eq!((product.forbidden_status, product.register_limit), (1, 1));
    assert!(object.is("Drifted"), "still reported: {}", object.brief());
    // The vendor refuses registration for a product that is disabled.
    let both = json!({"spec": {"enabled": true, "dynamicRegistration": {"limit": 7000}}});
    world.edit(Kind::Product, THERMOSTAT, both).await;
    let settled = |object: &Object| object.is_available() && !object.is("Drifted");
    world.product_until(THERMOSTAT, "no drift any more", PATIENCE, settled).await;
    assert_eq!(world.only_product().register_limit, 7000);
}

/// A failure does not turn an edit into drift.
async fn an_edit_that_failed_is_set_later(world: World) {
    let (_operator, _) = reported(&world).await;
    world.admin().add_fault(Rule::on(REGISTRATION, Fault::Throttle));
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"dynamicRegistration": {"limit": 9000}}})).await;
    let object = world.reason(THERMOSTAT, "Throttled").await;
    assert_eq!(object.ready(), "False", "{}", object.brief());
    world.admin().clear_faults();
    world.vendor_until("the edit to arrive", |products| products[0].register_limit == 9000).await;
    let object = world.product_until(THERMOSTAT, "Ready", PATIENCE, Object::is_available).await;
    assert!(!object.is("Drifted"), "{}", object.brief());
}

/// What differs when a product is taken over was nobody's edit.
async fn what_is_taken_over_is_only_reported(world: World) {
    let mut contract = world.contract();
    let theirs = existing(&world, &contract, THERMOSTAT, 1);
    contract.product["spec"]["driftPolicy"] = json!("Report");
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    let _operator = world.operator().await;
    world.connect(&contract).await;
    world.apply(&contract.product).await;
    let object = world.product_until(THERMOSTAT, "Ready", PATIENCE, Object::is_available).await;
    assert_eq!(object.id(), Some(theirs.product_id.as_str()));
    let drift = json!([{"field": "dynamicRegistration.limit", "want": "5000", "have": "1"}]);
    assert_eq!(object.0["status"]["drift"], drift);
    assert_eq!(world.only_product(), theirs);
}
