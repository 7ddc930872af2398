//! Adoption at every vendor: what exists is taken over where the account allows it, marked where the vendor can,
//! once, and a whole cluster's products are found again from the manifests alone.

use serde_json::{Value, json};

use crate::manifest::Contract;
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::{Plane, Test};
use crate::side::{SIDES, Shown, Side};
use crate::vendor::{CREATE, DELETE, mark};
use crate::world::{OWNER, PATIENCE, World};

const FOREIGN: &str = "Somebody's [iotp:0123456789ab.89abcdef]";
const PASSWORD: &str = "restored-Passw0rd";

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for side in SIDES {
        let vendor = side.name().to_lowercase();
        let mut test = |name: &str, body: fn(World, Side) -> _| {
            let name = format!("{name}_at_{vendor}");
            tests.push(Test::new(module_path!(), &name, Plane::Shared, move |world| body(world, side)));
        };
        test("an_unmarked_one_by_id", |world, side| Box::pin(unmarked_by_id(world, side)));
        test("a_marked_one_by_name", |world, side| Box::pin(marked_by_name(world, side)));
        test("a_renamed_one_by_our_mark", |world, side| Box::pin(renamed_by_mark(world, side)));
        test("a_new_cluster_of_the_same_owner", |world, side| Box::pin(new_cluster(world, side, OWNER)));
        test("a_new_cluster_of_another_owner", |world, side| Box::pin(new_cluster(world, side, "another")));
    }
    let lost = |world| Box::pin(password_stays_where_its_secret_is_lost(world)) as _;
    tests.push(Test::new(module_path!(), "a_lost_secret_cuts_off_no_device", Plane::Shared, lost));
    tests
}

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}

/// The contract's objects without a resync, which would be counted.
fn contract(world: &World, side: Side) -> Contract {
    let mut contract = side.contract(world);
    contract.account["spec"]["resyncInterval"] = json!("0s");
    contract
}

/// A Secret as somebody keeps it who brings his own product: type and data, no label of ours.
pub(crate) async fn bring_secret(world: &World, side: Side, contract: &Contract, id: &str) {
    if side != Side::Huawei {
        return;
    }
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "iot-products.io/product-credentials",
        "metadata": {
            "name": format!("{}-credentials", name(&contract.product)), "namespace": world.namespace().name(),
        },
        "stringData": {"vendor": side.name(), "productId": id, "password": PASSWORD},
    });
    world.apply(&secret).await;
}

/// The product is this object's: id, mark where the vendor can be told it, and what was found is remembered.
async fn taken(world: &World, side: Side, contract: &Contract, found: &Shown, adopted: &str) -> Object {
    let name = name(&contract.product);
    let object = world.product_until(name, "Ready", PATIENCE * 2, Object::is_available).await;
    assert_eq!(object.id(), Some(found.id.as_str()));
    assert_eq!(object.text("/status/adoptedMark"), adopted, "{}", object.brief());
    let [shown] = &side.products(world)[..] else { panic!("one product, not {:#?}", side.products(world)) };
    if side.remarks() {
        let ours = mark(world.namespace().name(), name, object.uid());
        assert!(shown.description.ends_with(&ours), "{} has {ours}", shown.description);
        assert_eq!(shown.description.matches("[iotp:").count(), 1, "{}", shown.description);
        assert!(!object.is("Drifted"), "{}", object.brief());
    } else {
        assert_eq!(shown.description, found.description);
    }
    object
}

/// Looked at again, by this operator and by its successor, nothing more is changed.
async fn never_twice(
    world: &World,
    side: Side,
    contract: &Contract,
    operator: Operator,
    flags: &[(&'static str, &str)],
) {
    let name = name(&contract.product);
    let (before, mark) = (side.products(world), world.call_mark());
    world.check_now(name).await;
    drop(operator);
    let _next = world.operator_with(flags).await;
    let object = world.check_now(name).await;
    assert!(object.is_available(), "{}", object.brief());
    assert_eq!(side.products(world), before);
    let changed: Vec<_> = world
        .admin()
        .calls_since(mark)
        .into_iter()
        .filter(|call| call.applied && !reads(&call.action))
        .collect();
    assert!(changed.is_empty(), "{changed:#?}");
}

fn reads(action: &str) -> bool {
    ["Describe", "Query", "List", "Show", "Get"].iter().any(|verb| action.starts_with(verb))
}

async fn unmarked_by_id(world: World, side: Side) {
    let mut contract = contract(&world, side);
    let found = side.existing(&world, &contract, "Found here");
    contract.product["spec"]["productId"] = json!(found.id);
    contract.product["spec"].as_object_mut().unwrap().remove("description");
    bring_secret(&world, side, &contract, &found.id).await;
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = taken(&world, side, &contract, &found, "").await;
    assert!(object.0.pointer("/status/adoptedMark").is_some(), "taken over, not created: {}", object.brief());
    assert!(world.calls(CREATE).is_empty());
    let [shown] = &side.products(&world)[..] else { panic!() };
    assert!(shown.description.starts_with("Found here"), "{}", shown.description);
    never_twice(&world, side, &contract, operator, &[]).await;
}

/// Another owner's mark: refused, and taken over as soon as the account allows it.
async fn marked_by_name(world: World, side: Side) {
    let mut contract = contract(&world, side);
    let found = side.existing(&world, &contract, FOREIGN);
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    contract.product["spec"].as_object_mut().unwrap().remove("description");
    bring_secret(&world, side, &contract, &found.id).await;
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    let refused = world.reason(name(&contract.product), "NameConflict").await;
    assert!(refused.message().contains("adoption: Any"), "{}", refused.message());
    assert_eq!(side.products(&world), std::slice::from_ref(&found));
    contract.account["spec"]["adoption"] = json!("Any");
    world.apply(&contract.account).await;
    taken(&world, side, &contract, &found, "[iotp:0123456789ab.89abcdef]").await;
    assert!(world.calls(CREATE).is_empty());
    never_twice(&world, side, &contract, operator, &[]).await;
}

/// A product that an earlier object of this name made, and that somebody has renamed since: nothing is created
/// beside it.
async fn renamed_by_mark(world: World, side: Side) {
    let contract = contract(&world, side);
    let former = mark(world.namespace().name(), name(&contract.product), "0a1b2c3d-former");
    let mut earlier = contract.clone();
    earlier.product["spec"]["name"] = json!("renamed_01");
    let found = side.existing(&world, &earlier, &format!("Found here{former}"));
    bring_secret(&world, side, &contract, &found.id).await;
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = world
        .product_until(name(&contract.product), "its product", PATIENCE, |object| object.id().is_some())
        .await;
    assert_eq!(object.id(), Some(found.id.as_str()));
    assert_eq!(side.products(&world).len(), 1);
    assert!(world.calls(CREATE).is_empty());
}

/// Strips what holds an object and deletes it, as when a cluster is lost.
async fn lose(world: &World, kind: Kind, name: &str) {
    world.edit(kind, name, json!({"metadata": {"finalizers": null}})).await;
    world.delete(kind, name).await;
    world.gone(kind, name, PATIENCE).await;
}

/// Objects and status are lost, and the manifests are applied anew.
async fn new_cluster(world: World, side: Side, owner: &'static str) {
    let mut contract = contract(&world, side);
    let mut first = world.operator().await;
    world.apply_all(&contract).await;
    let (object, shown) = side.agreed(&world, name(&contract.product)).await;
    first.crash();
    for (kind, object) in [
        (Kind::Product, &contract.product),
        (Kind::Account, &contract.account),
        (Kind::Secret, &contract.key),
    ] {
        lose(&world, kind, name(object)).await;
    }
    if side != Side::Huawei {
        // The only copy of a password is kept; others are read again.
        world.delete(Kind::Secret, &format!("{}-credentials", name(&contract.product))).await;
    }
    let calls = world.call_mark();
    if owner != OWNER {
        contract.account["spec"]["adoption"] = json!("Any");
        contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    }
    let flags = [("owner-id", owner)];
    let next = world.operator_with(&flags).await;
    world.apply_all(&contract).await;
    let name = name(&contract.product);
    let again = world.product_until(name, "Ready", PATIENCE * 2, Object::is_available).await;
    assert_eq!(again.id(), object.id());
    assert_ne!(again.uid(), object.uid());
    let [found] = &side.products(&world)[..] else { panic!("{:#?}", side.products(&world)) };
    assert_eq!((&found.id, &found.name, &found.secret), (&shown.id, &shown.name, &shown.secret));
    let former = mark(world.namespace().name(), name, object.uid());
    assert_eq!(again.text("/status/adoptedMark"), former.trim());
    assert_eq!(found.description.ends_with(&former), !side.remarks(), "{}", found.description);
    let (secret, data) = world.secret(again.text("/status/secretRef/name")).await.unwrap();
    let labels = secret.metadata.labels.unwrap_or_default();
    assert_eq!(labels.get("iot-products.io/owner-uid").map(String::as_str), Some(again.uid()));
    assert_eq!(data.get("productSecret").or(data.get("password")).cloned().unwrap_or_default(), shown.secret);
    let made = world.calls_since(calls);
    assert!(!made.contains_key(CREATE) && !made.contains_key(DELETE), "{made:?}");
    never_twice(&world, side, &contract, next, &flags).await;
}

/// Huawei: without its Secret nothing is sent, and with the Secret restored as it was backed up all is well.
async fn password_stays_where_its_secret_is_lost(world: World) {
    let contract = contract(&world, Side::Huawei);
    let mut first = world.operator().await;
    world.apply_all(&contract).await;
    let (object, shown) = Side::Huawei.agreed(&world, name(&contract.product)).await;
    first.crash();
    let credentials = format!("{}-credentials", name(&contract.product));
    let (backup, _) = world.secret(&credentials).await.unwrap();
    let changes = || world.admin().huawei().product("default", &shown.id).unwrap().password_changes;
    let before = changes();
    lose(&world, Kind::Product, name(&contract.product)).await;
    lose(&world, Kind::Account, name(&contract.account)).await;
    world.delete(Kind::Secret, &credentials).await;
    let _next = world.operator().await;
    world.apply_all(&contract).await;
    let lost = world.reason(name(&contract.product), "SecretLost").await;
    assert!(lost.is("Stalled"), "{}", lost.brief());
    assert_eq!((lost.id(), changes()), (object.id(), before));
    world.check_now(name(&contract.product)).await;
    assert_eq!((Side::Huawei.products(&world)[0].secret.clone(), changes()), (shown.secret.clone(), before));
    let restored = json!({
        "apiVersion": "v1", "kind": "Secret", "type": backup.type_,
        "metadata": {
            "name": credentials, "namespace": world.namespace().name(),
            "labels": backup.metadata.labels, "annotations": backup.metadata.annotations,
        },
        "data": backup.data,
    });
    world.apply(&restored).await;
    world.ask_for_check(name(&contract.product)).await;
    Side::Huawei.agreed(&world, name(&contract.product)).await;
    assert_eq!(changes(), before, "no device is cut off");
}
