//! What a deletion waits for at each vendor, what it says meanwhile, and how it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::manifest::{Contract, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::session::{Plane, Test};
use crate::side::{SIDES, Side};
use crate::vendor::{CREATE, DELETE};
use crate::world::{PATIENCE, World, until};

const FORGET: &str = "iot-products.io/force-forget";

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    let mut add = |name: String, side, body: fn(World, Side) -> Body| {
        tests.push(Test::new(module_path!(), &name, Plane::Shared, move |world| body(world, side)));
    };
    for side in SIDES {
        let at = side.name().to_lowercase();
        add(format!("a_cut_create_leaves_nothing_at_{at}"), side, |w, s| Box::pin(cut(w, s)));
        add(format!("devices_hold_it_at_{at}"), side, |w, s| Box::pin(devices(w, s)));
        add(format!("a_new_key_ends_it_at_{at}"), side, |w, s| Box::pin(a_new_key(w, s)));
        add(format!("force_forget_ends_it_at_{at}"), side, |w, s| Box::pin(force_forget(w, s)));
        add(format!("an_outage_is_waited_for_at_{at}"), side, |w, s| Box::pin(outage(w, s)));
        add(format!("policies_at_{at}"), side, |w, s| Box::pin(policies(w, s)));
    }
    add("a_create_delivered_late_leaves_nothing".to_owned(), Side::Huawei, |w, s| Box::pin(late(w, s)));
    add("a_bound_gateway_holds_it".to_owned(), Side::Tencent, |w, s| Box::pin(gateway(w, s)));
    add("force_forget_by_uid".to_owned(), Side::Tencent, |w, s| Box::pin(by_uid(w, s)));
    add("an_account_that_pays_again".to_owned(), Side::Alibaba, |w, s| Box::pin(pays_again(w, s)));
    add("nothing_is_created_while_the_account_goes".to_owned(), Side::Tencent, |w, s| {
        Box::pin(closing(w, s))
    });
    add("a_renamed_secret_goes_under_both_names".to_owned(), Side::Tencent, |w, s| Box::pin(renamed(w, s)));
    tests
}

type Body = std::pin::Pin<Box<dyn Future<Output = ()>>>;

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}

async fn assert_gone(world: &World, side: Side, contract: &Contract) {
    let product = name(&contract.product);
    world.gone(Kind::Product, product, PATIENCE * 2).await;
    assert_eq!(side.products(world), []);
    assert!(world.secret(&format!("{product}-credentials")).await.is_none());
}

/// The vendor created it, nobody was told, and nothing else is answered until the deletion is asked for.
async fn cut(world: World, side: Side) {
    let (contract, _operator) = side.connect(&world).await;
    let product = name(&contract.product);
    world.admin().set_faults(vec![
        Rule::on(CREATE, Fault::drop_after()).times(1),
        Rule::any(Fault::status_before(503)),
    ]);
    world.apply(&contract.product).await;
    world.create_tried().await;
    world.delete(Kind::Product, product).await;
    world.product_until(product, "being deleted", PATIENCE, Object::deleting).await;
    assert_eq!(side.products(&world).len(), 1);
    world.admin().clear_faults();
    assert_gone(&world, side, &contract).await;
    assert_eq!(world.created(), 1);
}

/// The create has its effect long after the deletion was asked for: only the second look-up sees it.
async fn late(world: World, side: Side) {
    let (contract, _operator) = side.connect(&world).await;
    world.admin().add_fault(Rule::on(CREATE, Fault::late(20_000)).times(1));
    world.apply(&contract.product).await;
    world.calls_until("a create", PATIENCE, |calls| calls.iter().any(|call| call.action == CREATE)).await;
    world.delete(Kind::Product, name(&contract.product)).await;
    world
        .calls_until("its effect", PATIENCE, |calls| calls.iter().any(|c| c.action == CREATE && c.applied))
        .await;
    assert_gone(&world, side, &contract).await;
    assert_eq!(world.created(), 1);
    assert_eq!(world.calls(DELETE).iter().filter(|call| call.applied).count(), 1);
}

/// Foreground deletion, as Argo CD prunes, has the Secret stay as long as the product.
async fn devices(world: World, side: Side) {
    let (contract, _operator, _, shown) = side.made(&world).await;
    let product = name(&contract.product);
    let secret = format!("{product}-credentials");
    side.set_devices(&world, &shown.id, 3);
    world.kubectl(&["delete", "iotproduct", product, "--cascade=foreground", "--wait=false"], "");
    let object = world.reason(product, "DeletionBlocked").await;
    assert!(object.is("Stalled") && object.message().contains("3 devices"), "{}", object.brief());
    assert!(object.message().contains("deletionPolicy: Retain"), "{}", object.message());
    assert_eq!(side.products(&world), std::slice::from_ref(&shown));
    assert!(world.calls(DELETE).is_empty(), "not even tried");
    assert!(world.secret(&secret).await.is_some());
    side.set_devices(&world, &shown.id, 0);
    world.ask_for_check(product).await;
    assert_gone(&world, side, &contract).await;
}

async fn gateway(world: World, side: Side) {
    let (contract, _operator, _, shown) = side.made(&world).await;
    let code = "UnsupportedOperation.GatewayProductHasBindedProduct";
    world.admin().add_fault(Rule::on(DELETE, Fault::error(code)));
    world.delete(Kind::Product, THERMOSTAT).await;
    let object = world.reason(THERMOSTAT, "DeletionBlocked").await;
    assert!(object.is("Stalled") && object.message().contains(code), "{}", object.brief());
    assert!(object.message().contains("deletionPolicy: Retain"), "{}", object.message());
    assert_eq!(side.products(&world), [shown]);
    world.admin().clear_faults();
    world.ask_for_check(THERMOSTAT).await;
    assert_gone(&world, side, &contract).await;
}

/// The vendor refuses the key from now on; what the deletion says then.
async fn refused(world: &World, side: Side, product: &str, id: &str) -> &'static str {
    let key = side.rotate(world, "SECRETKEYROTATED");
    world.delete(Kind::Product, product).await;
    let object = world.reason(product, "CredentialsInvalid").await;
    let message = object.message();
    assert!(message.contains("credentials Secret"), "a new key: {message}");
    assert!(message.contains(&format!("{FORGET}: {id}")), "the other way out: {message}");
    assert!(message.contains("deletionPolicy: Retain"), "{message}");
    assert!(!message.contains("SECRETKEYROTATED"));
    key
}

async fn new_key(world: &World, contract: &Contract, key: &str) {
    let change = BTreeMap::from([(key, "SECRETKEYROTATED")]);
    world.edit(Kind::Secret, name(&contract.key), json!({ "stringData": change })).await;
}

async fn a_new_key(world: World, side: Side) {
    let (contract, _operator, _, shown) = side.made(&world).await;
    let key = refused(&world, side, name(&contract.product), &shown.id).await;
    assert_eq!(side.products(&world), [shown]);
    new_key(&world, &contract, key).await;
    assert_gone(&world, side, &contract).await;
}

async fn force_forget(world: World, side: Side) {
    let (contract, _operator, object, shown) = side.made(&world).await;
    let product = name(&contract.product);
    let key = refused(&world, side, product, &shown.id).await;
    let annotate = async |value: &str| {
        world.edit(Kind::Product, product, json!({"metadata": {"annotations": {FORGET: value}}})).await;
    };
    // The UID counts only where no product is recorded.
    annotate(object.uid()).await;
    let told = |object: &Object| {
        let message = object.message();
        message.contains("does nothing") && message.contains(object.uid()) && message.contains(&shown.id)
    };
    let still = world.product_until(product, "told that it does nothing", PATIENCE, told).await;
    assert_eq!(still.finalizers().first(), Some(&"iot-products.io/product"), "{}", still.brief());
    annotate(&shown.id).await;
    world.gone(Kind::Product, product, PATIENCE).await;
    assert_eq!(side.products(&world), std::slice::from_ref(&shown), "the orphan");
    until("an Event with the orphan's id", PATIENCE, async || {
        let notes = world.events("Forgotten", object.uid()).await;
        if notes.iter().any(|note| note.contains(&shown.id)) { Ok(()) } else { Err(notes.join("; ")) }
    })
    .await;
    assert!(world.secret(&format!("{product}-credentials")).await.is_some(), "the product lives on");
    assert!(world.calls(DELETE).iter().all(|call| !call.applied));
    new_key(&world, &contract, key).await;
    let counted = |account: &Object| {
        account.0["status"]["products"] == json!({"managed": 0, "total": 1, "unmanaged": 1})
    };
    let account = name(&contract.account);
    world.object_until(Kind::Account, account, "the orphan counted", PATIENCE * 2, counted).await;
}

/// No product is recorded and it is unclear whether there is one: the object is named by its UID.
async fn by_uid(world: World, side: Side) {
    let (contract, _operator) = side.connect(&world).await;
    world.admin().set_faults(vec![
        Rule::on(CREATE, Fault::drop_after()).times(1),
        Rule::any(Fault::error("AuthFailure.SignatureFailure")),
    ]);
    world.apply(&contract.product).await;
    world.create_tried().await;
    world.delete(Kind::Product, THERMOSTAT).await;
    let object = world.reason(THERMOSTAT, "CredentialsInvalid").await;
    let way_out = format!("{FORGET}: {}", object.uid());
    assert!(object.id().is_none() && object.message().contains(&way_out), "{}", object.brief());
    let uid = object.uid();
    world.edit(Kind::Product, THERMOSTAT, json!({"metadata": {"annotations": {FORGET: uid}}})).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(side.products(&world).len(), 1);
    until("an Event with its name", PATIENCE, async || {
        let notes = world.events("Forgotten", uid).await;
        if notes.iter().any(|note| note.contains(THERMOSTAT)) { Ok(()) } else { Err(notes.join("; ")) }
    })
    .await;
}

async fn outage(world: World, side: Side) {
    let (contract, _operator, _, shown) = side.made(&world).await;
    let product = name(&contract.product);
    world.admin().add_fault(Rule::any(Fault::status_before(503)));
    // The account as well, which has to stay usable until the product is gone.
    world.delete(Kind::Account, name(&contract.account)).await;
    world.delete(Kind::Product, product).await;
    let object = world.reason(product, "VendorUnavailable").await;
    assert!(!object.is("Stalled"), "{}", object.brief());
    assert_eq!(side.products(&world), [shown]);
    assert!(world.secret(&format!("{product}-credentials")).await.is_some());
    world.admin().clear_faults();
    assert_gone(&world, side, &contract).await;
    world.gone(Kind::Account, name(&contract.account), PATIENCE).await;
}

/// Everything is deleted while the account's bill is overdue: paying it ends the deletion, with the same key.
async fn pays_again(world: World, side: Side) {
    let (contract, _operator, _, _) = side.made(&world).await;
    let (product, account) = (name(&contract.product), name(&contract.account));
    world.admin().alibaba().set_overdue("default", true).unwrap();
    world.delete(Kind::Product, product).await;
    world.reason(product, "AccountSuspended").await;
    let told = |account: &Object| account.reason() == "AccountSuspended";
    world.object_until(Kind::Account, account, "told of the bill", PATIENCE, told).await;
    world.delete(Kind::Account, account).await;
    let in_use = |account: &Object| account.reason() == "InUse";
    world.object_until(Kind::Account, account, "InUse", PATIENCE, in_use).await;
    world.admin().alibaba().set_overdue("default", false).unwrap();
    // The account is asked again within five minutes, or because someone asks.
    world.ask_for_check(product).await;
    assert_gone(&world, side, &contract).await;
    world.gone(Kind::Account, account, PATIENCE).await;
}

/// Suspended: waits and says so. Retain: product and Secret stay. `ObserveOnly`: the product stays.
async fn policies(world: World, side: Side) {
    let (contract, _operator, _, first) = side.made(&world).await;
    let product = name(&contract.product);
    let secret = format!("{product}-credentials");
    let edit = async |spec: Value| {
        world.edit(Kind::Product, product, json!({ "spec": spec })).await;
    };
    let deleted = async || {
        world.delete(Kind::Product, product).await;
        world.gone(Kind::Product, product, PATIENCE).await;
    };
    edit(json!({"deletionPolicy": "Retain"})).await;
    side.agreed(&world, product).await;
    let calls = world.call_mark();
    deleted().await;
    assert_eq!(side.products(&world), std::slice::from_ref(&first));
    assert!(world.secret(&secret).await.is_some(), "kept with the product");
    assert_eq!(world.calls_since(calls), BTreeMap::new());

    // Its mark says whose it is.
    world.apply(&contract.product).await;
    let object = world.product_until(product, "Ready again", PATIENCE * 2, Object::is_available).await;
    assert_eq!(object.id(), Some(first.id.as_str()));
    edit(json!({"managementPolicy": "ObserveOnly", "deletionPolicy": "Delete"})).await;
    world.product_until(product, "watched", PATIENCE, Object::is_available).await;
    let calls = world.call_mark();
    deleted().await;
    assert_eq!(side.products(&world).len(), 1, "only watched");
    // Where nobody else has the password, its only copy stays with the product.
    let stays = world.secret(&secret).await.is_some();
    assert_eq!(stays, side == Side::Huawei, "goes with the object that watched, unless it is the only copy");
    assert_eq!(world.calls_since(calls), BTreeMap::new());
}

/// What is applied after its account was deleted would hold the account for ever.
async fn closing(world: World, side: Side) {
    let (contract, _operator, _, _) = side.made(&world).await;
    let account = name(&contract.account);
    world.delete(Kind::Account, account).await;
    let in_use = |account: &Object| account.reason() == "InUse";
    world.object_until(Kind::Account, account, "InUse", PATIENCE, in_use).await;
    world.apply(&crate::manifest::named(&contract.product, "too-late")).await;
    let object = world.reason("too-late", "AccountNotFound").await;
    assert!(object.message().contains("being deleted"), "{}", object.message());
    assert_eq!(side.products(&world).len(), 1);
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Account, account, PATIENCE).await;
    assert_eq!(side.products(&world), []);
    // The next account of that name serves it.
    world.apply(&contract.account).await;
    world.reason("too-late", "Available").await;
}

/// A rename that was written but not recorded: the Secret of either name goes with the product.
async fn renamed(world: World, side: Side) {
    let (contract, mut operator, object, _) = side.made(&world).await;
    operator.crash();
    let (old, _) = world.secret("thermostat-credentials").await.unwrap();
    let mut moved = serde_json::to_value(&old).unwrap();
    moved["metadata"] = json!({
        "name": "moved", "namespace": world.namespace().name(),
        "labels": old.metadata.labels, "annotations": old.metadata.annotations,
    });
    moved["apiVersion"] = json!("v1");
    moved["kind"] = json!("Secret");
    world.apply(&moved).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"secret": {"name": "moved"}}})).await;
    assert_eq!(object.text("/status/secretRef/name"), "thermostat-credentials");
    world.delete(Kind::Product, THERMOSTAT).await;
    let _next = world.operator().await;
    assert_gone(&world, side, &contract).await;
    world.gone(Kind::Secret, "moved", Duration::from_secs(5)).await;
}
