//! Other clients that write an object without the operator's finalizer: `kubectl replace`, Argo CD's `Replace=true`, a
//! patch by hand.

use serde_json::{Value, json};

use crate::manifest::{CREDENTIALS, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::ACCOUNT;
use crate::world::{PATIENCE, World, until};

tests!(Shared {
    a_replaced_object_is_held_again_at_once,
    a_replaced_object_that_is_deleted_at_once_is_told,
    one_whose_finalizer_was_removed_while_it_waited_is_told,
});

const LEDGER: &str = "/metadata/annotations/iot-products.io~1creation";

/// As the file in Git has it.
async fn created(world: &World) -> (Value, Object) {
    let contract = world.contract();
    world.connect(&contract).await;
    world.kubectl(&["create", "--filename", "-"], &contract.product.to_string());
    let object = world.ready(THERMOSTAT).await.0;
    (contract.product, object)
}

/// Events of the account and the log name the product; the metric counts it.
async fn told(world: &World, operator: &Operator, product: &str) {
    let account = world.get(Kind::Account, TENCENT_ACCOUNT).await.expect("the account");
    let note = until("an Event on the account", PATIENCE, async || {
        let notes = world.events("Orphaned", account.uid()).await;
        notes.first().cloned().ok_or_else(|| "none".to_owned())
    })
    .await;
    for text in [product, THERMOSTAT, CREDENTIALS, "apply the IotProduct under the same name"] {
        assert!(note.contains(text), "{text} in {note}");
    }
    assert!(!world.evidence().lines_with(&["WARN", "removed by another client", product]).is_empty());
    assert_eq!(orphaned(operator).await, Some("1".to_owned()));
}

async fn orphaned(operator: &Operator) -> Option<String> {
    let page = operator.page("/metrics").await.expect("the metrics");
    let line = page.lines().find(|line| line.starts_with("iot_operator_orphaned_products_total{"));
    line.and_then(|line| line.split(' ').nth(1)).map(str::to_owned)
}

/// The way out that is told: nothing is left, and nothing more is told.
async fn removed_by_the_way_out(world: &World, operator: &Operator, manifest: &Value, id: &str) {
    world.apply(manifest).await;
    let object = world.reason(THERMOSTAT, "Available").await;
    assert_eq!(object.id(), Some(id), "the same product");
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.products(), []);
    assert!(world.secret(CREDENTIALS).await.is_none());
    assert_eq!(orphaned(operator).await, Some("1".to_owned()), "an object that was let go is not told");
}

async fn a_replaced_object_is_held_again_at_once(world: World) {
    let operator = world.operator().await;
    let (manifest, before) = created(&world).await;
    let calls = world.call_mark();
    world.kubectl(&["replace", "--filename", "-"], &manifest.to_string());
    let held = |object: &Object| object.finalizers() == before.finalizers();
    let after = world.product_until(THERMOSTAT, "the finalizer back", PATIENCE, held).await;
    assert_ne!(after.text("/metadata/resourceVersion"), before.text("/metadata/resourceVersion"));
    assert_eq!(after.text(LEDGER), before.text(LEDGER), "and the ledger as it was");
    assert!(after.is_available(), "{}", after.brief());
    assert!(world.calls_since(calls).is_empty(), "{:?}", world.calls_since(calls));
    // The same while nothing is called.
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"suspend": true}})).await;
    world.product_until(THERMOSTAT, "suspended", PATIENCE, |object| object.is("Suspended")).await;
    let mut suspended = manifest.clone();
    suspended["spec"]["suspend"] = json!(true);
    world.kubectl(&["replace", "--filename", "-"], &suspended.to_string());
    world.product_until(THERMOSTAT, "the finalizer back", PATIENCE, held).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"suspend": false}})).await;
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.products(), []);
    assert_eq!(orphaned(&operator).await, None);
}

/// Faster than the operator, which stands still meanwhile.
async fn a_replaced_object_that_is_deleted_at_once_is_told(world: World) {
    let operator = world.operator().await;
    let (manifest, object) = created(&world).await;
    let id = object.id().expect("an id").to_owned();
    operator.freeze();
    world.kubectl(&["replace", "--filename", "-"], &manifest.to_string());
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    operator.thaw();
    told(&world, &operator, &id).await;
    removed_by_the_way_out(&world, &operator, &manifest, &id).await;
}

async fn one_whose_finalizer_was_removed_while_it_waited_is_told(world: World) {
    let operator = world.operator().await;
    let (manifest, object) = created(&world).await;
    let id = object.id().expect("an id").to_owned();
    world.tencent().set_devices(ACCOUNT, &id, 1).unwrap();
    world.delete(Kind::Product, THERMOSTAT).await;
    world.reason(THERMOSTAT, "DeletionBlocked").await;
    world.edit(Kind::Product, THERMOSTAT, json!({"metadata": {"finalizers": null}})).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    told(&world, &operator, &id).await;
    world.tencent().set_devices(ACCOUNT, &id, 0).unwrap();
    // What another process sees first when it is gone is told by nobody.
    drop(operator);
    let next = world.operator().await;
    assert_eq!(orphaned(&next).await, None);
    world.apply(&manifest).await;
    assert_eq!(world.reason(THERMOSTAT, "Available").await.id(), Some(id.as_str()));
}
