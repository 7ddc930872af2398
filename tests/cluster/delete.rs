//! Deletion finishes, or says why not.

use std::collections::BTreeMap;
use std::time::Duration;

use iot_simulator::{Fault, Rule};
use serde_json::json;

use crate::manifest::{Contract, KEY, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{ACCOUNT, DELETE, DEVICES, LIST, READ};
use crate::world::{PATIENCE, World, in_short};

tests!(Shared {
    nothing_is_left,
    everything_at_once,
    the_namespace,
    the_namespace_while_a_create_is_held,
    foreground,
    gone_at_the_vendor_already,
    never_created,
    retain_keeps_product_and_secret,
    devices_remain,
    cut_after_the_effect,
    vendor_away_for_a_while,
    suspended,
    key_is_gone,
    finalizer_was_taken_off_by_hand,
    the_account_waits_for_its_products,
});

async fn begin(world: &World) -> (Contract, Operator) {
    let contract = world.contract();
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    (contract, operator)
}

async fn assert_nothing_is_left(world: &World) {
    assert_eq!(world.products(), []);
    for kind in [Kind::Product, Kind::Account, Kind::Secret] {
        let left: Vec<String> = world.list(kind).await.iter().map(Object::brief).collect();
        assert_eq!(left, Vec::<String>::new(), "{kind:?}");
    }
}

async fn nothing_is_left(world: World) {
    let (_, _operator) = begin(&world).await;
    let (calls, writes) = (world.call_mark(), world.audit_mark());
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.products(), []);
    assert!(world.secret("thermostat-credentials").await.is_none());
    let made = world.calls_since(calls);
    assert_eq!(made.get(DELETE), Some(&1), "{made:?}");
    assert_eq!(made.get(DEVICES), Some(&1), "checked before: {made:?}");
    // It is read before (whose is it?) and after (is it gone?).
    assert!(made.get(READ).is_some_and(|reads| *reads <= 2), "{made:?}");
    assert_eq!(made.len(), 3, "{made:?}");
    let writes: Vec<_> = in_short(&world.writes_since(writes).await);
    let about: Vec<_> = writes.iter().filter(|write| write.contains(THERMOSTAT)).collect();
    assert_eq!(about, ["delete secrets thermostat-credentials", "patch iotproducts thermostat"]);
}

async fn everything_at_once(world: World) {
    let contract = world.contract();
    world.kubectl(&["apply", "--filename", "-"], &contract.yaml());
    let _operator = world.operator().await;
    world.one_ready_product(THERMOSTAT).await;
    world.kubectl(&["delete", "--filename", "-", "--timeout=60s"], &contract.yaml());
    assert_nothing_is_left(&world).await;
}

async fn the_namespace(world: World) {
    world.grant(None).await;
    let (_, _operator) = begin(&world).await;
    world.namespace().delete().await.unwrap();
    world.namespace().gone().await.unwrap();
    assert_eq!(world.products(), []);
}

/// Nothing can be created in a namespace that ends, and the product whose answer comes is deleted.
async fn the_namespace_while_a_create_is_held(world: World) {
    world.grant(None).await;
    let contract = world.contract();
    // The end of the namespace reaches the object before the answer's time is over.
    let _operator = world.operator_with(&[("vendor-timeout", "20s")]).await;
    world.connect(&contract).await;
    world.admin().add_fault(Rule::on(crate::vendor::CREATE, Fault::hold()).times(1));
    world.apply(&contract.product).await;
    let held = world.held(crate::vendor::CREATE).await;
    world.namespace().delete().await.unwrap();
    world.product_until(THERMOSTAT, "being deleted", PATIENCE, Object::deleting).await;
    world.release(&held).await;
    world.namespace().gone().await.unwrap();
    assert_eq!(world.products(), []);
}

/// As Argo CD prunes: dependents first, so the Secret must be none.
async fn foreground(world: World) {
    let (_, _operator) = begin(&world).await;
    let id = world.only_product().product_id;
    world.tencent().set_devices(ACCOUNT, &id, 1).unwrap();
    world.kubectl(&["delete", "iotproduct", THERMOSTAT, "--cascade=foreground", "--wait=false"], "");
    world.reason(THERMOSTAT, "DeletionBlocked").await;
    assert!(world.secret("thermostat-credentials").await.is_some(), "kept while the product lives");
    world.tencent().set_devices(ACCOUNT, &id, 0).unwrap();
    world.ask_for_check(THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert!(world.secret("thermostat-credentials").await.is_none());
}

async fn gone_at_the_vendor_already(world: World) {
    let (_, _operator) = begin(&world).await;
    world.tencent().delete_all_products(ACCOUNT).unwrap();
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert!(world.secret("thermostat-credentials").await.is_none());
    assert!(world.calls(DELETE).is_empty());
}

/// No id and nothing under way: no vendor call.
async fn never_created(world: World) {
    let mut contract = world.contract();
    contract.product["spec"]["accountRef"]["name"] = json!("missing");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.reason(THERMOSTAT, "AccountNotFound").await;
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    let made: BTreeMap<_, _> =
        world.calls_since(0).into_iter().filter(|(action, _)| action != LIST).collect();
    assert_eq!(made, BTreeMap::new());
}

async fn retain_keeps_product_and_secret(world: World) {
    let (_, _operator) = begin(&world).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"deletionPolicy": "Retain"}})).await;
    let (_, product) = world.ready(THERMOSTAT).await;
    let calls = world.call_mark();
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.only_product(), product);
    let (_, data) = world.secret("thermostat-credentials").await.unwrap();
    assert_eq!(data["productSecret"], product.product_secret);
    assert_eq!(world.calls_since(calls), BTreeMap::new());
}

async fn devices_remain(world: World) {
    let (_, _operator) = begin(&world).await;
    let id = world.only_product().product_id;
    world.tencent().set_devices(ACCOUNT, &id, 3).unwrap();
    world.delete(Kind::Product, THERMOSTAT).await;
    let object = world.reason(THERMOSTAT, "DeletionBlocked").await;
    assert!(object.is("Stalled") && object.ready() == "False", "{}", object.brief());
    assert!(object.message().contains("3 devices"), "{}", object.message());
    assert!(object.message().contains("deletionPolicy: Retain"), "says what to do: {}", object.message());
    assert_eq!(world.only_product().product_id, id);
    assert!(world.calls(DELETE).is_empty(), "not even tried");
    assert!(world.secret("thermostat-credentials").await.is_some());
    world.tencent().set_devices(ACCOUNT, &id, 0).unwrap();
    // By itself, within the time that the message names.
    world.gone(Kind::Product, THERMOSTAT, Duration::from_secs(90)).await;
    assert_eq!(world.products(), []);
}

async fn cut_after_the_effect(world: World) {
    let (_, _operator) = begin(&world).await;
    world.admin().add_fault(Rule::on(DELETE, Fault::drop_after()).times(1));
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.products(), []);
    assert!(world.secret("thermostat-credentials").await.is_none());
    assert_eq!(world.calls(DELETE).len(), 1);
}

async fn vendor_away_for_a_while(world: World) {
    let (_, _operator) = begin(&world).await;
    world.admin().add_fault(Rule::any(Fault::status_before(500)));
    world.delete(Kind::Product, THERMOSTAT).await;
    let object = world.reason(THERMOSTAT, "VendorUnavailable").await;
    assert!(!object.is("Stalled"), "{}", object.brief());
    assert!(world.secret("thermostat-credentials").await.is_some());
    world.admin().clear_faults();
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.products(), []);
}

async fn suspended(world: World) {
    let (_, _operator) = begin(&world).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"suspend": true}})).await;
    world.product_until(THERMOSTAT, "Suspended", PATIENCE, |product| product.is("Suspended")).await;
    let calls = world.call_mark();
    world.delete(Kind::Product, THERMOSTAT).await;
    let says_so = |product: &Object| {
        let message = product.condition("Suspended").and_then(|condition| condition["message"].as_str());
        message.is_some_and(|message| message.contains("suspend") && message.contains("deletion"))
    };
    world.product_until(THERMOSTAT, "says that it waits", PATIENCE, says_so).await;
    assert_eq!(world.products().len(), 1);
    assert_eq!(world.calls_since(calls), BTreeMap::new());
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"suspend": false}})).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.products(), []);
}

/// The Secret with the key was deleted alone and let go (rotation); then the product is deleted: it waits
/// until there is a key again.
async fn key_is_gone(world: World) {
    let (contract, _operator) = begin(&world).await;
    world.delete(Kind::Secret, KEY).await;
    world.gone(Kind::Secret, KEY, PATIENCE).await;
    let missing = |account: &Object| account.reason() == "CredentialsNotFound";
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "no key", PATIENCE, missing).await;
    world.delete(Kind::Product, THERMOSTAT).await;
    world.reason(THERMOSTAT, "CredentialsNotFound").await;
    assert_eq!(world.products().len(), 1);
    world.apply(&contract.key).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.products(), []);
}

/// Somebody takes the finalizer off a live object: it is restored, so that deletion still deletes.
async fn finalizer_was_taken_off_by_hand(world: World) {
    let (_, _operator) = begin(&world).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"metadata": {"finalizers": null}})).await;
    world
        .product_until(THERMOSTAT, "the finalizer", PATIENCE, |product| !product.finalizers().is_empty())
        .await;
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.products(), []);
}

async fn the_account_waits_for_its_products(world: World) {
    let (_, _operator) = begin(&world).await;
    world.delete(Kind::Account, TENCENT_ACCOUNT).await;
    let in_use = |account: &Object| account.reason() == "InUse";
    let account = world.object_until(Kind::Account, TENCENT_ACCOUNT, "InUse", PATIENCE, in_use).await;
    assert!(account.message().contains(THERMOSTAT), "names who holds it: {}", account.message());
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    world.gone(Kind::Account, TENCENT_ACCOUNT, PATIENCE).await;
    let key = world.get(Kind::Secret, KEY).await.unwrap();
    assert_eq!(key.finalizers(), Vec::<&str>::new(), "let go with the account");
}
