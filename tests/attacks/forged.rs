//! A tenant whose Role was written with `resources: ["*"]` writes statuses too. And one who copies what other
//! tenants' objects show.

use std::sync::Arc;

use iot_simulator::tencent::Product;
use iot_test_harness::{Kind, Mark, Object};
use serde_json::{Value, json};

use crate::session::attacks;
use crate::tenant::{Tenant, name};
use crate::world::{ACCOUNT, World};

attacks!(Own {
    a_forged_status_takes_nothing_from_an_account_that_does_not_admit_the_namespace,
    a_forged_status_takes_nothing_from_another_tenant,
    a_copied_ledger_is_no_proof_of_use,
});

/// A product that its tenant has let go, and that is still the tenant's at the vendor.
async fn retained(world: &World, allowed: Value) -> (Product, String, Value) {
    let mut contract = world.tencent();
    contract.account["spec"]["resyncInterval"] = json!("0s");
    let shared = world.share(&contract, None, allowed).await;
    let mut product = contract.product.clone();
    product["spec"]["accountRef"] = json!({"kind": "ClusterIotAccount", "name": shared});
    product["spec"]["deletionPolicy"] = json!("Retain");
    world.victim.apply(&product).await;
    let object = world.victim.ready(name(&product)).await;
    let ledger = object.text("/metadata/annotations/iot-products.io~1creation").to_owned();
    world.victim.delete(Kind::Product, name(&product)).await;
    world.victim.gone(Kind::Product, name(&product)).await;
    let kept = world.vendor().tencent().product(ACCOUNT, object.id().expect("an id")).expect("the product");
    product["spec"]["deletionPolicy"] = json!("Delete");
    (kept, ledger, product)
}

/// The mark in a description.
fn mark(product: &Product) -> &str {
    let begin = product.product_description.find("[iotp:").expect("a mark");
    &product.product_description[begin..]
}

/// Statuses that a tenant could write, each with the ledger that stands beside it.
fn forgeries(kept: &Product, ledger: &str) -> Vec<(Value, Option<String>)> {
    let id = &kept.product_id;
    let statuses = [
        json!({"productId": id}),
        json!({"productId": id, "creationAttempt": 1, "origin": "Created"}),
        json!({"productId": id, "origin": "Adopted", "adoptedMark": mark(kept)}),
        json!({"productId": id, "creationAttempt": 7, "origin": "Created", "adoptedMark": mark(kept)}),
    ];
    let with = |ledger: Option<&str>| {
        let ledger = ledger.map(str::to_owned);
        statuses.clone().into_iter().map(move |status| (status, ledger.clone())).collect::<Vec<_>>()
    };
    [with(None), with(Some(ledger))].concat()
}

/// Forges a status, edits, forges once more, deletes.
async fn forge(tenant: &Tenant, product: &Value, number: usize, status: &Value, ledger: Option<&str>) {
    let mut product = product.clone();
    product["metadata"]["name"] = json!(format!("forged-{number}"));
    // Without it the object would be gone before the operator saw its deletion.
    product["metadata"]["finalizers"] = json!(["iot-products.io/product"]);
    let name = name(&product);
    let object = tenant.apply(&product).await;
    // At rest, so that no write of the operator's comes in between.
    let refused = |object: &Object| ["AccountNotAllowed", "NameConflict"].contains(&object.reason());
    tenant.until(Kind::Product, name, "a refusal", refused).await;
    if let Some(ledger) = ledger {
        let mut ledger: Value = serde_json::from_str(ledger).expect("a ledger");
        ledger["uid"] = json!(object.uid());
        let patch = json!({"metadata": {"annotations": {"iot-products.io/creation": ledger.to_string()}}});
        tenant.edit(Kind::Product, name, patch).await;
        tenant.check_now(name).await;
    }
    tenant.forge_status(Kind::Product, name, status).await;
    let asked = tenant.edit_and_ask(name, &json!({"dynamicRegistration": {"limit": 999}})).await;
    let seen =
        |object: &Object| object.is_current() && object.text("/status/lastHandledReconcileAt") == asked;
    tenant.until(Kind::Product, name, &format!("a check with {status}"), seen).await;
    tenant.forge_status(Kind::Product, name, status).await;
    tenant.delete(Kind::Product, name).await;
    // Whether it goes or waits for somebody is not the question; that the deletion was looked at is.
    let looked = |object: &Object| object.deleting() && object.is_current() && object.reason() != "Deleting";
    tenant.until_gone_or(Kind::Product, name, looked).await;
}

/// After a forgery: the product is as it was, and no Secret was made for the attacker.
fn untouched(world: &World, kept: &Product, since: Mark, status: &Value) {
    let now = world.vendor().tencent().product(ACCOUNT, &kept.product_id);
    assert_eq!(now.ok().as_ref(), Some(kept), "the product that was let go, after {status}");
    let secrets: Vec<String> = world
        .writes_since(since)
        .into_iter()
        .filter(|write| write.resource == "secrets" && write.namespace == world.mallory.namespace())
        .map(|write| format!("{} {}", write.verb, write.name))
        .collect();
    assert!(secrets.is_empty(), "after {status}: {secrets:?}");
}

async fn forged(world: &World, allowed: Value, of: impl Fn(&Value) -> bool) {
    let _operator = world.operator_of_cluster(&[]).await;
    let (kept, ledger, product) = retained(world, allowed).await;
    let mark = world.audit_mark();
    let forgeries = forgeries(&kept, &ledger).into_iter().filter(|(status, _)| of(status));
    for (number, (status, ledger)) in forgeries.enumerate() {
        forge(&world.mallory, &product, number, &status, ledger.as_deref()).await;
        untouched(world, &kept, mark, &status);
    }
}

async fn a_forged_status_takes_nothing_from_an_account_that_does_not_admit_the_namespace(world: Arc<World>) {
    let allowed = json!({"names": [world.victim.namespace()]});
    forged(&world, allowed, |_| true).await;
}

/// A status that says that another's mark was there when the product was adopted is as good as the operator's own
/// word to an account that admits the namespace: there only the rights on statuses help.
async fn a_forged_status_takes_nothing_from_another_tenant(world: Arc<World>) {
    let allowed = json!({"names": [world.victim.namespace(), world.mallory.namespace()]});
    forged(&world, allowed, |status| status.get("adoptedMark").is_none()).await;
}

/// The ledger names the account's key by a fingerprint, and stands where every reader of the object sees it.
async fn a_copied_ledger_is_no_proof_of_use(world: Arc<World>) {
    let _operator = world.operator_of_cluster(&[]).await;
    let allowed = json!({"names": [world.victim.namespace()]});
    let (_, ledger, product) = retained(&world, allowed).await;
    let calls = world.call_mark();
    for state in ["open", "closed"] {
        let mut copied: Value = serde_json::from_str(&ledger).expect("a ledger");
        let mut product = product.clone();
        product["metadata"]["name"] = json!(format!("copied-{state}"));
        product["metadata"]["finalizers"] = json!(["iot-products.io/product"]);
        product["spec"]["suspend"] = json!(true);
        let object = world.mallory.apply(&product).await;
        copied["uid"] = json!(object.uid());
        copied["state"] = json!(state);
        let annotations = json!({"iot-products.io/creation": copied.to_string()});
        world
            .mallory
            .edit(Kind::Product, name(&product), json!({"metadata": {"annotations": annotations}}))
            .await;
        world.mallory.edit_and_ask(name(&product), &json!({"suspend": false})).await;
        world.mallory.reason(Kind::Product, name(&product), "AccountNotAllowed").await;
        world.mallory.delete(Kind::Product, name(&product)).await;
        let looked = |object: &Object| object.deleting() && object.reason() == "AccountNotAllowed";
        world.mallory.until_gone_or(Kind::Product, name(&product), looked).await;
    }
    let made: Vec<String> = world.calls_since(calls).into_iter().map(|call| call.action).collect();
    assert!(made.is_empty(), "through an account that does not admit the namespace: {made:?}");
}
