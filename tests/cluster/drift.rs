//! Somebody changes a product behind the operator's back.

use std::collections::BTreeMap;

use iot_simulator::tencent::Product;
use iot_simulator::{Fault, Rule};
use serde_json::json;

use crate::manifest::{Contract, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{ACCOUNT, CREATE, FORBID, LIST, READ, REGISTRATION};
use crate::world::{PATIENCE, World};

tests!(Shared {
    what_a_list_shows_is_corrected_at_the_resync,
    what_a_list_hides_is_corrected_when_asked,
    what_a_list_hides_is_corrected_at_the_full_read,
    reported_only,
    reported_only_is_created_as_written,
    observe_only_changes_nothing,
    what_can_not_be_changed_is_reported,
    a_missing_product_is_created_anew_once,
    a_missing_product_is_not_ready_meanwhile,
    a_list_that_lags_is_no_loss,
    a_failed_read_is_no_loss,
});

async fn begin(world: &World, change: impl FnOnce(&mut Contract)) -> (Contract, Operator, Product) {
    let mut contract = world.contract();
    change(&mut contract);
    let operator = world.operator().await;
    world.connect(&contract).await;
    world.apply(&contract.product).await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    (contract, operator, product)
}

fn resync(interval: &'static str) -> impl FnOnce(&mut Contract) {
    move |contract| contract.account["spec"]["resyncInterval"] = json!(interval)
}

async fn what_a_list_shows_is_corrected_at_the_resync(world: World) {
    let enabled = |contract: &mut Contract| {
        resync("1s")(contract);
        contract.product["spec"]["enabled"] = json!(true);
    };
    let (_, _operator, product) = begin(&world, enabled).await;
    world.behind_the_back(&product.product_id, |product| product.forbidden_status = 1);
    world.vendor_until("enabled again", |products| products[0].forbidden_status == 0).await;
    world.ready(THERMOSTAT).await;
    assert_eq!(world.calls(FORBID).len(), 1);
}

async fn what_a_list_hides_is_corrected_when_asked(world: World) {
    let (_, _operator, product) = begin(&world, |_| {}).await;
    world.behind_the_back(&product.product_id, |product| product.register_limit = 1);
    let calls = world.call_mark();
    let object = world.check_now(THERMOSTAT).await;
    assert!(object.is_available() && !object.is("Drifted"), "{}", object.brief());
    assert_eq!(world.only_product(), product, "as it was");
    let once = |action: &str| (action.to_owned(), 1);
    assert_eq!(world.calls_since(calls), BTreeMap::from([once(READ), once(REGISTRATION)]));
}

async fn what_a_list_hides_is_corrected_at_the_full_read(world: World) {
    let fast = |contract: &mut Contract| {
        resync("1s")(contract);
        contract.account["spec"]["fullReadInterval"] = json!("4s");
    };
    let (_, _operator, product) = begin(&world, fast).await;
    world.behind_the_back(&product.product_id, |product| product.register_limit = 1);
    world.vendor_until("the limit as written", |products| products[0].register_limit == 5000).await;
}

async fn reported_only(world: World) {
    let report = |contract: &mut Contract| {
        resync("1s")(contract);
        contract.product["spec"]["enabled"] = json!(true);
    };
    let (_, _operator, product) = begin(&world, report).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"driftPolicy": "Report"}})).await;
    world.ready(THERMOSTAT).await;
    let calls = world.call_mark();
    world.behind_the_back(&product.product_id, |product| product.forbidden_status = 1);
    let drifted = |product: &Object| product.is("Drifted");
    let object = world.product_until(THERMOSTAT, "Drifted", PATIENCE, drifted).await;
    assert!(object.is_available(), "Ready stays True: {}", object.brief());
    assert_eq!(object.0["status"]["drift"], json!([{"field": "enabled", "want": "true", "have": "false"}]));
    assert!(object.condition("Drifted").unwrap()["message"].as_str().unwrap().contains("enabled"));
    assert_eq!(world.only_product().forbidden_status, 1);
    assert!(!world.calls_since(calls).contains_key(FORBID));
    world.behind_the_back(&product.product_id, |product| product.forbidden_status = 0);
    world.product_until(THERMOSTAT, "no drift any more", PATIENCE, |product| !product.is("Drifted")).await;
}

/// What is only reported is drift: a creation is as the manifest says.
async fn reported_only_is_created_as_written(world: World) {
    let report = |contract: &mut Contract| {
        contract.product["spec"]["driftPolicy"] = json!("Report");
        contract.product["spec"]["enabled"] = json!(false);
    };
    let (_, _operator, product) = begin(&world, report).await;
    assert_eq!((product.register_type, product.register_limit), (2, 5000));
    assert_eq!(product.forbidden_status, 1);
}

async fn observe_only_changes_nothing(world: World) {
    let theirs = world.tencent().create_product(ACCOUNT, Product::named(THERMOSTAT)).unwrap();
    let mut contract = world.contract();
    contract.product["spec"]["managementPolicy"] = json!("ObserveOnly");
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = world
        .product_until(THERMOSTAT, "the product's id", PATIENCE, |product| {
            product.is_current() && product.id().is_some() && !product.ready().is_empty()
        })
        .await;
    assert_eq!(object.id(), Some(theirs.product_id.as_str()));
    assert!(object.is("Drifted"), "{}", object.brief());
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.only_product(), theirs, "neither changed nor deleted");
    let actions: Vec<_> = world.calls_since(0).into_keys().collect();
    assert!(actions.iter().all(|action| action.starts_with("Describe")), "{actions:?}");
}

async fn what_can_not_be_changed_is_reported(world: World) {
    let (_, _operator, product) = begin(&world, resync("1s")).await;
    world.behind_the_back(&product.product_id, |product| "renamed".clone_into(&mut product.product_name));
    let object = world.reason(THERMOSTAT, "ImmutableDrift").await;
    assert!(object.is("Stalled") && object.is("Drifted") && object.ready() == "False", "{}", object.brief());
    assert_eq!(
        object.0["status"]["drift"],
        json!([{"field": "name", "want": THERMOSTAT, "have": "renamed"}])
    );
    assert!(object.message().contains("driftPolicy"), "says what to do: {}", object.message());
    // The way out: the manifest says what the vendor has.
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"name": "renamed"}})).await;
    let (object, product) = world.ready(THERMOSTAT).await;
    assert!(!object.is("Drifted"), "{}", object.brief());
    assert_eq!(product.product_name, "renamed");
}

async fn a_missing_product_is_created_anew_once(world: World) {
    let (_, _operator, former) = begin(&world, resync("1s")).await;
    world.tencent().delete_product(ACCOUNT, &former.product_id).unwrap();
    let created = |product: &Object| {
        product.is_available()
            && product.id().is_some()
            && product.text("/status/previousProductId") == former.product_id
    };
    let object = world.product_until(THERMOSTAT, "created anew", PATIENCE, created).await;
    let product = world.agreed(&object).await;
    assert_ne!(product.product_id, former.product_id);
    assert_ne!(product.product_secret, former.product_secret, "and the Secret has the new one");
    // Two more lists show that it stays at that.
    let lists = world.calls(LIST).len();
    world
        .calls_until("two more lists", PATIENCE, |calls| {
            calls.iter().filter(|call| call.action == LIST).count() >= lists + 2
        })
        .await;
    assert_eq!(world.only_product(), product);
    assert_eq!(world.calls(CREATE).len(), 2);
}

/// From the moment that its loss is recorded until there is another one with its Secret.
async fn a_missing_product_is_not_ready_meanwhile(world: World) {
    let (_, _operator, former) = begin(&world, resync("1s")).await;
    // Its creation is long over.
    let created = world.calls(CREATE)[0].time_ms;
    world
        .calls_until("a later list", PATIENCE, |calls| {
            calls.iter().any(|call| call.action == LIST && call.time_ms > created + 5000)
        })
        .await;
    world.admin().add_fault(Rule::on(CREATE, Fault::hold()).times(1));
    world.tencent().delete_product(ACCOUNT, &former.product_id).unwrap();
    let held = world.held(CREATE).await;
    let object = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    assert_eq!(object.id(), None);
    assert_ne!(object.ready(), "True", "there is no product: {}", object.brief());
    world.release(&held).await;
    world.ready(THERMOSTAT).await;
}

/// Missing from a list is a hint, not a proof.
async fn a_list_that_lags_is_no_loss(world: World) {
    world.admin().edit_settings(|settings| settings.list_lag_ms = 10_000);
    let (_, _operator, product) = begin(&world, resync("1s")).await;
    world
        .calls_until("five lists", PATIENCE, |calls| {
            calls.iter().filter(|call| call.action == LIST).count() >= 5
        })
        .await;
    let object = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    assert!(object.is_available(), "{}", object.brief());
    assert_eq!(world.only_product(), product);
    assert_eq!(world.calls(CREATE).len(), 1);
}

async fn a_failed_read_is_no_loss(world: World) {
    let (_, _operator, product) = begin(&world, |_| {}).await;
    for fault in
        [Fault::error("ResourceNotFound.SomethingNew"), Fault::status_before(404), Fault::drop_before()]
    {
        world.admin().set_faults(vec![Rule::on(READ, fault.clone())]);
        let reads = world.calls(READ).len();
        world.ask_for_check(THERMOSTAT).await;
        world
            .calls_until("a failed read", PATIENCE, |calls| {
                calls.iter().filter(|call| call.action == READ && call.code.is_some()).count() > reads
            })
            .await;
        world.admin().clear_faults();
        let object = world.check_now(THERMOSTAT).await;
        assert_eq!(object.id(), Some(product.product_id.as_str()), "{fault:?}");
        assert_eq!(object.text("/status/previousProductId"), "", "{fault:?}");
    }
    assert_eq!(world.calls(CREATE).len(), 1);
}
