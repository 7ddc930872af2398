//! Two objects of one name at a vendor that would take the name twice: one product is made, and the other object is told.

use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::huawei::{NAME, PLC, connect, contract, products};
use crate::manifest::Contract;
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::CREATE;
use crate::world::{PATIENCE, World};

tests!(Shared {
    the_second_sees_what_the_first_made_a_moment_ago,
    the_second_waits_for_the_answer_to_the_first,
    two_at_once_make_one_product,
    accounts_of_one_place_wait_for_each_other,
});

const OTHER: &str = "plc-gateway-2";

/// The contract's object again, under another name of its own.
fn twin(contract: &Contract) -> Value {
    let mut twin = contract.product.clone();
    twin["metadata"]["name"] = json!(OTHER);
    twin
}

fn take_names_twice(world: &World) {
    world.admin().edit_settings(|settings| settings.huawei.unique_names = false);
}

/// One of the two has the product and the other a conflict, and the vendor one product.
async fn one_of_two(world: &World) {
    let both = async |name: &str| {
        let settled = |object: &Object| object.is_available() || object.reason() == "NameConflict";
        world.product_until(name, "the end", PATIENCE * 2, settled).await
    };
    let ends = [both(PLC).await, both(OTHER).await];
    let made = products(world);
    assert_eq!(made.len(), 1, "{made:#?}");
    assert_eq!(made[0].name, NAME);
    assert_eq!(ends.iter().filter(|object| object.is_available()).count(), 1, "{ends:#?}");
    assert_eq!(world.calls(CREATE).len(), 1);
}

async fn the_second_sees_what_the_first_made_a_moment_ago(world: World) {
    take_names_twice(&world);
    let contract = contract(&world);
    let _operator = world.operator().await;
    connect(&world, &contract).await;
    world.apply(&contract.product).await;
    world.product_until(PLC, "its id", PATIENCE, |object| object.id().is_some()).await;
    world.apply(&twin(&contract)).await;
    one_of_two(&world).await;
}

/// Waits for an answer for longer than it takes to see that the other object waits.
async fn patient(world: &World) -> Operator {
    world.operator_with(&[("vendor-timeout", "30s")]).await
}

/// The vendor has not answered the first create when the twin comes: no list shows the product yet.
async fn twin_waits(world: &World, contract: &Contract, twin: &Value) {
    world.admin().add_fault(Rule::on(CREATE, Fault::hold()).times(1));
    world.apply(&contract.product).await;
    let held = world.held(CREATE).await;
    world.apply(twin).await;
    let waits = |object: &Object| object.message().contains("is creating a product named");
    let object = world.product_until(OTHER, "its turn", PATIENCE, waits).await;
    assert_eq!(object.reason(), "Creating");
    world.release(&held).await;
    one_of_two(world).await;
}

async fn the_second_waits_for_the_answer_to_the_first(world: World) {
    take_names_twice(&world);
    let contract = contract(&world);
    let _operator = patient(&world).await;
    connect(&world, &contract).await;
    twin_waits(&world, &contract, &twin(&contract)).await;
}

/// Both come before the vendor has made anything, so neither is in any list.
async fn two_at_once_make_one_product(world: World) {
    take_names_twice(&world);
    world.admin().add_fault(Rule::on(CREATE, Fault::None).latency_ms(3000));
    let contract = contract(&world);
    let _operator = patient(&world).await;
    connect(&world, &contract).await;
    world.apply(&contract.product).await;
    world.apply(&twin(&contract)).await;
    one_of_two(&world).await;
}

/// The same key under two accounts.
async fn accounts_of_one_place_wait_for_each_other(world: World) {
    take_names_twice(&world);
    let contract = contract(&world);
    let _operator = patient(&world).await;
    connect(&world, &contract).await;
    let mut account = contract.account.clone();
    account["metadata"]["name"] = json!("huawei-2");
    world.apply(&account).await;
    world.object_until(Kind::Account, "huawei-2", "Ready", PATIENCE, Object::is_available).await;
    let mut twin = twin(&contract);
    twin["spec"]["accountRef"]["name"] = json!("huawei-2");
    twin_waits(&world, &contract, &twin).await;
}
