//! One object that the operator cannot read, or could not once, takes nobody else's from its sight.

use std::sync::Arc;

use iot_test_harness::manifest::{Contract, named};
use iot_test_harness::{AuditEntry, Kind, Object, Operator, PATIENCE, until};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::session::attacks;
use crate::tenant::name;
use crate::world::World;

attacks!(
    Own {
        a_time_at_the_end_of_the_calendar_blinds_nobody,
        what_cannot_be_read_is_skipped_counted_and_said,
    }
    Shared {
        a_secret_that_cannot_be_read_is_not_read_again_and_again,
    }
);

/// Accounts that name the Secret of a time at the end of the calendar.
const ACCOUNTS: usize = 20;

/// The last second that the API server takes. Some libraries' calendars end before it.
const LAST_SECOND: &str = "9999-12-31T23:59:59Z";

/// Moves every time that is a writer's to choose to the end of the calendar.
fn far_future(object: &mut Value) {
    for entry in object["metadata"]["managedFields"].as_array_mut().expect("managed fields") {
        entry["time"] = json!(LAST_SECOND);
    }
    // Without a change the API server keeps the times that it has.
    object["metadata"]["labels"]["far"] = json!("future");
}

/// A new account and a new product of the victim's, and an edit of it.
async fn serves(world: &World, contract: &Contract, number: usize) {
    let mut account = contract.account.clone();
    account["metadata"]["name"] = json!(format!("account-{number}"));
    let mut product = named(&contract.product, &format!("product-{number}"));
    product["spec"]["accountRef"]["name"] = account["metadata"]["name"].clone();
    world.victim.receive(&contract.key).await;
    world.victim.apply(&account).await;
    world.victim.apply(&product).await;
    world.victim.ready(name(&product)).await;
    edited(world, name(&product), 4000 + i64::try_from(number).expect("a small number")).await;
}

/// An edit reaches the vendor.
async fn edited(world: &World, product: &str, limit: i64) {
    let edit = json!({"spec": {"dynamicRegistration": {"limit": limit}}});
    world.victim.edit(Kind::Product, product, edit).await;
    let object = world.victim.ready(product).await;
    let shown = world.vendor().tencent().product("default", object.id().expect("an id")).expect("it");
    assert_eq!(shown.register_limit, u64::try_from(limit).expect("a limit"));
}

async fn restarted(world: &World, operator: Operator) -> Operator {
    drop(operator);
    world.operator_of_cluster(&[]).await
}

async fn a_time_at_the_end_of_the_calendar_blinds_nobody(world: Arc<World>) {
    let contract = world.tencent();
    let mut operator = world.operator_of_cluster(&[]).await;
    let mallory = &world.mallory;
    mallory.receive(&contract.key).await;
    let mut own = contract.product.clone();
    own["spec"]["name"] = json!("of-mallory");
    let account = mallory.apply(&contract.account).await;
    mallory.apply(&own).await;
    mallory.ready(name(&own)).await;
    mallory.replace(Kind::Account, name(&account.0), true, far_future).await;
    serves(&world, &contract, 1).await;
    operator = restarted(&world, operator).await;
    serves(&world, &contract, 2).await;

    // The same on all else that the operator watches or reads.
    mallory.replace(Kind::Product, name(&own), true, far_future).await;
    mallory.replace(Kind::Secret, name(&contract.key), false, far_future).await;
    let space = json!({"metadata": {"labels": {"admitted": "yes"}}});
    world.replace_namespace(mallory.namespace(), far_future).await;
    let shared =
        world.share(&contract, None, json!({"selector": {"matchLabels": {"admitted": "yes"}}})).await;
    let mut product = named(&contract.product, "by-selector");
    product["spec"]["accountRef"] = json!({"kind": "ClusterIotAccount", "name": shared});
    world.victim.apply(&product).await;
    world.edit_namespace(world.victim.namespace(), &space).await;
    world.victim.ready("by-selector").await;
    serves(&world, &contract, 3).await;
    operator = restarted(&world, operator).await;
    serves(&world, &contract, 4).await;
    // What is wrong with one object is no reason to refuse the tenant's others.
    let mut second = named(&own, "second");
    second["spec"]["name"] = json!("second-of-mallory");
    let mut account = contract.account.clone();
    account["metadata"]["name"] = json!("second");
    second["spec"]["accountRef"]["name"] = json!("second");
    let mut key = contract.key.clone();
    key["metadata"]["name"] = json!("second-key");
    account["spec"]["credentials"]["secretRef"]["name"] = json!("second-key");
    mallory.receive(&key).await;
    mallory.apply(&account).await;
    mallory.apply(&second).await;
    mallory.ready("second").await;
    drop(operator);
}

/// Keys are read by the clock. One that cannot be read is read as often as one that can, and not as fast as it fails.
async fn a_secret_that_cannot_be_read_is_not_read_again_and_again(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.tencent();
    world.victim.receive(&contract.key).await;
    world.mallory.receive(&contract.key).await;
    world.mallory.replace(Kind::Secret, name(&contract.key), false, far_future_of_a_secret).await;
    let mark = world.audit_mark();
    world.victim.apply(&contract.account).await;
    for number in 0..ACCOUNTS {
        let mut account = contract.account.clone();
        account["metadata"]["name"] = json!(format!("account-{number}"));
        world.mallory.apply(&account).await;
        let said = |object: &Object| !object.reason().is_empty();
        world.mallory.until(Kind::Account, name(&account), "a word", said).await;
    }
    let reads = |namespace: &str| {
        let requests = world.requests_since(mark);
        let of = |entry: &&AuditEntry| {
            entry.verb == "get" && entry.resource == "secrets" && entry.namespace == namespace
        };
        requests.iter().filter(of).count()
    };
    let (victim, mallory) = (world.victim.namespace(), world.mallory.namespace());
    let first = reads(victim);
    let healthy = until("two more reads of a key that can be read", PATIENCE, async || {
        let more = reads(victim) - first;
        if more >= 2 { Ok(reads(victim)) } else { Err(format!("{more} more")) }
    })
    .await;
    // Twice for each, and some for their beginning.
    let (most, made) = (ACCOUNTS * (healthy * 2 + 4), reads(mallory));
    assert!(
        made <= most,
        "{made} reads of one that {ACCOUNTS} accounts name, {healthy} of one that one names"
    );
}

fn far_future_of_a_secret(secret: &mut Value) {
    secret["metadata"]["labels"] = json!({});
    far_future(secret);
}

/// Takes every rule off a kind, as a definition of another version would: objects can be anything then.
async fn relax(world: &World, plural: &str) {
    let api: Api<CustomResourceDefinition> = Api::all(world.admin());
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let operations = json!([
        {"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": anything},
        {"op": "remove", "path": "/spec/versions/0/selectableFields"},
    ]);
    let name = format!("{plural}.iot-products.io");
    for operations in [operations.clone(), json!([operations[0].clone()])] {
        let patch = Patch::Json::<()>(serde_json::from_value(operations).expect("a JSON Patch"));
        if api.patch(&name, &PatchParams::default(), &patch).await.is_ok() {
            return;
        }
    }
    panic!("the definition of {plural} cannot be relaxed");
}

async fn what_cannot_be_read_is_skipped_counted_and_said(world: Arc<World>) {
    let contract = world.tencent();
    let mut operator = world.operator_of_cluster(&[]).await;
    serves(&world, &contract, 1).await;
    let kinds = [("iotaccounts", "IotAccount"), ("iotproducts", "IotProduct")];
    for (plural, kind) in kinds {
        relax(&world, plural).await;
        let odd = json!({
            "apiVersion": "iot-products.io/v1alpha1", "kind": kind, "metadata": {"name": "odd"},
            "spec": {"vendor": {"of": "another version"}, "name": ["thermostat"]},
        });
        // The API server may know the old rules for a moment.
        let object = until("an object that no rule keeps out", PATIENCE, async || {
            world.mallory.try_apply(&odd).await.map_err(|error| error.to_string())
        })
        .await;
        for round in 0..2 {
            let line = format!("iot_operator_unreadable_objects{{kind=\"{kind}\"}} 1");
            until("the metric of unreadable objects", PATIENCE, async || {
                let page = operator.page("/metrics").await.map_err(|error| error.to_string())?;
                if page.lines().any(|is| is == line) { Ok(()) } else { Err(format!("no {line}")) }
            })
            .await;
            until("a word about the object", PATIENCE, async || {
                let events = world.mallory.events(object.uid()).await;
                if events.is_empty() { Err("no Event".to_owned()) } else { Ok(()) }
            })
            .await;
            edited(&world, "product-1", 4500 + round).await;
            operator = restarted(&world, operator).await;
        }
        let object = world.victim.check_now("product-1").await;
        assert!(object.is_available(), "{}", object.brief());
    }
}
