//! The object changes, or is another one, while the answer to its create is on its way.

use std::time::Duration;

use iot_simulator::{Fault, Rule};
use serde_json::json;

use crate::manifest::{Contract, THERMOSTAT};
use crate::object::Kind;
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{CREATE, DELETE, mark};
use crate::world::{PATIENCE, World};

tests!(Shared {
    another_object_of_that_name_never_gets_the_id,
    name_edited_while_the_answer_is_cut,
    name_edited_while_the_answer_is_held,
    name_edited_after_a_create_without_effect,
    limit_edited_while_the_answer_is_held,
    deleted_while_the_answer_is_held,
    deleted_before_a_late_effect,
});

async fn begin(world: &World, rule: Rule) -> (Contract, Operator) {
    let contract = world.contract();
    let operator = world.operator_with(&[("vendor-timeout", "3s")]).await;
    world.connect(&contract).await;
    world.admin().add_fault(rule);
    world.apply(&contract.product).await;
    (contract, operator)
}

async fn another_object_of_that_name_never_gets_the_id(world: World) {
    let (contract, _operator) = begin(&world, Rule::on(CREATE, Fault::hold()).times(1)).await;
    let held = world.held(CREATE).await;
    let first = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    let first_product = world.only_product();
    world.delete(Kind::Product, THERMOSTAT).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"metadata": {"finalizers": null}})).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    world.apply(&contract.product).await;
    world.release(&held).await;

    let (second, product) = world.ready(THERMOSTAT).await;
    assert_ne!(second.uid(), first.uid());
    assert_ne!(product.product_id, first_product.product_id, "the id of another object's create");
    assert_eq!(world.only_product(), product, "the other object's product is deleted");
    let mark = mark(world.namespace().name(), THERMOSTAT, second.uid());
    assert!(product.product_description.ends_with(&mark), "{product:?}");
}

/// The edited name is another's business as long as the first create is unclear; then the vendor can not
/// rename, and the manifest may say what is there.
async fn accept_the_first_name(world: &World) {
    let object = world.reason(THERMOSTAT, "ImmutableDrift").await;
    assert!(object.is("Stalled"), "{}", object.brief());
    let drift = &object.0["status"]["drift"][0];
    assert_eq!(drift, &json!({"field": "name", "want": "other", "have": THERMOSTAT}));
    assert_eq!(world.only_product().product_name, THERMOSTAT);
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"name": THERMOSTAT}})).await;
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 1);
}

async fn name_edited_while_the_answer_is_cut(world: World) {
    let contract = world.contract();
    let _operator = world.operator_with(&[("vendor-timeout", "3s")]).await;
    world.connect(&contract).await;
    // The list stays away until the name is edited.
    let rules = vec![
        Rule::on(CREATE, Fault::drop_after()).times(1),
        Rule::on(crate::vendor::LIST, Fault::status_before(500)),
    ];
    world.admin().set_faults(rules);
    world.apply(&contract.product).await;
    world.create_tried().await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"name": "other"}})).await;
    world.admin().clear_faults();
    accept_the_first_name(&world).await;
}

async fn name_edited_while_the_answer_is_held(world: World) {
    let (_, _operator) = begin(&world, Rule::on(CREATE, Fault::hold()).times(1)).await;
    let held = world.held(CREATE).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"name": "other"}})).await;
    world.release(&held).await;
    accept_the_first_name(&world).await;
}

async fn name_edited_after_a_create_without_effect(world: World) {
    let (_, _operator) = begin(&world, Rule::on(CREATE, Fault::hang()).times(1)).await;
    world.held(CREATE).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"name": "other"}})).await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    assert_eq!(product.product_name, "other");
}

/// The create is made from the spec as it was read; the edit is applied as an update.
async fn limit_edited_while_the_answer_is_held(world: World) {
    let (_, _operator) = begin(&world, Rule::on(CREATE, Fault::hold()).times(1)).await;
    let held = world.held(CREATE).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"dynamicRegistration": {"limit": 7000}}})).await;
    world.release(&held).await;
    let (object, product) = world.one_ready_product(THERMOSTAT).await;
    assert_eq!(
        product.register_limit,
        7000,
        "Ready speaks of an edit that is not applied: {}",
        object.brief()
    );
}

async fn deleted_while_the_answer_is_held(world: World) {
    let (_, _operator) = begin(&world, Rule::on(CREATE, Fault::hold()).times(1)).await;
    let held = world.held(CREATE).await;
    world.delete(Kind::Product, THERMOSTAT).await;
    world.release(&held).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.products(), []);
    assert!(world.secret("thermostat-credentials").await.is_none());
    assert_eq!(world.calls(DELETE).len(), 1);
}

/// The create takes effect seconds after the connection was cut and the object deleted: it is found and
/// deleted before the finalizer goes.
async fn deleted_before_a_late_effect(world: World) {
    let (_, _operator) = begin(&world, Rule::on(CREATE, Fault::late(8000)).times(1)).await;
    world
        .calls_until("the create to be cut", PATIENCE, |calls| calls.iter().any(|call| call.action == CREATE))
        .await;
    world.delete(Kind::Product, THERMOSTAT).await;
    // Two look-ups, the last a minute after the attempt's deadline.
    world.gone(Kind::Product, THERMOSTAT, Duration::from_mins(3)).await;
    assert_eq!(world.created(), 1, "the late create had its effect");
    assert_eq!(world.products(), []);
}
