//! Products that were made in a vendor's console: they are taken over as they are, whatever a create would take.

use serde_json::json;

use crate::adopt::bring_secret;
use crate::manifest::Contract;
use crate::object::{Kind, Object};
use crate::session::{Plane, Test};
use crate::side::{Shown, Side};
use crate::vendor::CREATE;
use crate::world::{PATIENCE, World, until};

/// A name that the console of every vendor takes here, and no API.
const CONSOLE: &str = "温控器-A(2F)@1";
/// Actions that change a product.
const UPDATE: &str = "UpdateProduct";

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for side in [Side::Tencent, Side::Legacy, Side::Alibaba, Side::Huawei] {
        let vendor = side.name().to_lowercase();
        let mut test = |name: &str, body: fn(World, Side) -> _| {
            let name = format!("{name}_at_{vendor}");
            tests.push(Test::new(module_path!(), &name, Plane::Shared, move |world| body(world, side)));
        };
        test("a_name_of_the_console_is_kept", |world, side| Box::pin(console_name(world, side)));
        test("a_name_of_the_console_is_not_created", |world, side| Box::pin(watched_and_gone(world, side)));
        if side.remarks() {
            test("another_name_renames_nothing", |world, side| Box::pin(another_name(world, side)));
            test("a_long_description_is_kept", |world, side| Box::pin(long_description(world, side)));
        }
    }
    tests
}

fn contract(world: &World, side: Side) -> Contract {
    let mut contract = side.contract(world);
    contract.account["spec"]["resyncInterval"] = json!("0s");
    contract.product["spec"].as_object_mut().unwrap().remove("description");
    contract
}

fn name(contract: &Contract) -> &str {
    contract.product["metadata"]["name"].as_str().unwrap()
}

/// The contract's product as somebody made it at the vendor, and the manifest that imports it.
async fn existing(world: &World, side: Side, contract: &mut Contract, description: &str) -> Shown {
    let found = side.existing(world, contract, description);
    contract.product["spec"]["productId"] = json!(found.id);
    bring_secret(world, side, contract, &found.id).await;
    found
}

/// Waits until the product is managed.
async fn taken(world: &World, contract: &Contract) -> Object {
    let object = world.product_until(name(contract), "Ready", PATIENCE, Object::is_available).await;
    assert_eq!(object.text("/status/origin"), "Adopted");
    object
}

/// Waits until the vendor's only product is like this.
async fn shows(world: &World, side: Side, what: &str, is: impl Fn(&Shown) -> bool) {
    until(what, PATIENCE, async || {
        let product = only(world, side);
        if is(&product) { Ok(()) } else { Err(format!("{product:?}")) }
    })
    .await;
}

fn only(world: &World, side: Side) -> Shown {
    let [product] = &side.products(world)[..] else { panic!("one product, not {:#?}", side.products(world)) };
    product.clone()
}

async fn console_name(world: World, side: Side) {
    let mut contract = contract(&world, side);
    contract.product["spec"]["name"] = json!(CONSOLE);
    let found = existing(&world, side, &mut contract, "Found here").await;
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = taken(&world, &contract).await;
    let kept = |shown: Shown| (shown.id, shown.name, shown.description);
    assert_eq!(kept(only(&world, side)), kept(found), "neither renamed nor described anew");
    assert!(world.calls(UPDATE).is_empty() && world.calls(CREATE).is_empty());
    if side.remarks() {
        assert!(object.message().contains("without the operator's mark"), "{}", object.message());
        assert_eq!(object.text("/status/drift/0/field"), "ownership");
    }
}

/// Watched, then to be managed when it is gone.
async fn watched_and_gone(world: World, side: Side) {
    let mut contract = contract(&world, side);
    contract.product["spec"]["name"] = json!(CONSOLE);
    contract.product["spec"]["managementPolicy"] = json!("ObserveOnly");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.reason(name(&contract), "ProductMissing").await;
    world.edit(Kind::Product, name(&contract), json!({"spec": {"managementPolicy": "Full"}})).await;
    let object = world.reason(name(&contract), "InvalidSpec").await;
    assert!(object.is("Stalled") && object.message().contains("spec.productId"), "{}", object.message());
    assert!(world.calls(CREATE).is_empty());
    let short = if side == Side::Alibaba { "lamp_01" } else { "lamp-01" };
    world.edit(Kind::Product, name(&contract), json!({"spec": {"name": short}})).await;
    world.product_until(name(&contract), "Ready", PATIENCE, Object::is_available).await;
    assert_eq!(only(&world, side).name, short);
}

async fn another_name(world: World, side: Side) {
    let mut contract = contract(&world, side);
    let found = existing(&world, side, &mut contract, "Found here").await;
    contract.product["spec"]["name"] = json!("another_name");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = world.reason(name(&contract), "InvalidSpec").await;
    assert!(object.message().contains(&found.name), "{}", object.message());
    assert_eq!(only(&world, side), found);
    world.edit(Kind::Product, name(&contract), json!({"spec": {"name": found.name}})).await;
    taken(&world, &contract).await;
    assert_eq!(only(&world, side).name, found.name);
    world.edit(Kind::Product, name(&contract), json!({"spec": {"name": "another_name"}})).await;
    shows(&world, side, "the product renamed", |product| product.name == "another_name").await;
}

/// As long as the vendor takes, so that no mark fits behind it.
async fn long_description(world: World, side: Side) {
    let mut contract = contract(&world, side);
    let long = "灯".repeat(if side == Side::Alibaba { 100 } else { 200 });
    let found = existing(&world, side, &mut contract, &long).await;
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = taken(&world, &contract).await;
    assert_eq!(only(&world, side), found);
    assert!(world.calls(UPDATE).is_empty());
    if side.remarks() {
        assert!(object.message().contains("leaves no room"), "{}", object.message());
        assert_eq!(object.text("/status/drift/0/field"), "ownership");
        assert_eq!(object.text("/status/adoptedMark"), "");
    }
    // A rename repeats the description as it is.
    world.edit(Kind::Product, name(&contract), json!({"spec": {"name": "another_name"}})).await;
    let renamed = |product: &Shown| product.name == "another_name" && product.description == long;
    shows(&world, side, "the product renamed", renamed).await;
    // A description of the manifest's own leaves room for the mark.
    world.edit(Kind::Product, name(&contract), json!({"spec": {"description": "Short"}})).await;
    shows(&world, side, "the product marked", |product| product.description.starts_with("Short [iotp:"))
        .await;
}
