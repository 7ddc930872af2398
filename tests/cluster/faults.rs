//! A create whose outcome its caller does not get to see: always one product, and its secret.

use std::time::{Duration, Instant};

use iot_simulator::{Fault, Garbage, Rule};
use serde_json::json;

use crate::manifest::{CREDENTIALS, THERMOSTAT};
use crate::object::Kind;
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{CREATE, REGISTRATION};
use crate::world::{PATIENCE, World};

tests!(
    Shared {
        connection_cut_after_the_effect,
        bad_gateway_after_the_effect,
        unreadable_answer_after_the_effect,
        no_answer_after_the_effect,
        cut_while_lists_lag,
        effect_after_the_cut,
        effect_after_the_deadline,
        no_effect_and_no_answer,
        registration_cut_after_its_effect,
        killed_before_the_answer,
        killed_before_the_id_is_recorded,
        killed_before_the_secret_is_written,
        frozen_while_the_answer_arrives,
        stopped_while_the_answer_is_on_its_way,
        damaged_ledger_is_no_licence,
    }
    Own { api_server_gone_when_the_answer_comes }
);

/// How long the operators here wait for the vendor.
const VENDOR_TIMEOUT: &str = "3s";

/// Operator and account are ready, the faults are in place, the product is applied.
async fn begin(world: &World, rules: Vec<Rule>) -> Operator {
    let contract = world.contract();
    let operator = world.operator_with(&[("vendor-timeout", VENDOR_TIMEOUT)]).await;
    world.connect(&contract).await;
    world.admin().set_faults(rules);
    world.apply(&contract.product).await;
    operator
}

/// Every rule struck, or the test tried nothing.
fn assert_struck(world: &World) {
    for armed in world.admin().faults() {
        assert!(armed.used > 0, "{armed:?} never struck");
    }
}

/// The fault strikes the first create, and that one stays the only one that is sent.
async fn found_again(world: World, fault: Fault) {
    let _operator = begin(&world, vec![Rule::on(CREATE, fault).times(1)]).await;
    world.one_ready_product(THERMOSTAT).await;
    assert_struck(&world);
    assert_eq!(world.calls(CREATE).len(), 1, "the list shows it, so nothing is sent again");
}

async fn connection_cut_after_the_effect(world: World) {
    found_again(world, Fault::drop_after()).await;
}

async fn bad_gateway_after_the_effect(world: World) {
    found_again(world, Fault::status_after(502)).await;
}

async fn unreadable_answer_after_the_effect(world: World) {
    found_again(world, Fault::garbage(Garbage::TruncatedJson)).await;
}

async fn no_answer_after_the_effect(world: World) {
    found_again(world, Fault::hold()).await;
}

async fn cut_while_lists_lag(world: World) {
    world.admin().edit_settings(|settings| settings.list_lag_ms = 5000);
    let _operator = begin(&world, vec![Rule::on(CREATE, Fault::drop_after()).times(1)]).await;
    world.one_ready_product(THERMOSTAT).await;
    assert_struck(&world);
}

async fn effect_after_the_cut(world: World) {
    found_again(world, Fault::late(2000)).await;
}

/// Late enough that the operator may try again: the vendor then refuses the late one.
async fn effect_after_the_deadline(world: World) {
    let _operator = begin(&world, vec![Rule::on(CREATE, Fault::late(6000)).times(1)]).await;
    world.ready(THERMOSTAT).await;
    world
        .calls_until("the late create to be decided", PATIENCE, |calls| {
            calls.iter().filter(|call| call.action == CREATE).all(|call| call.code.is_some())
        })
        .await;
    world.one_ready_product(THERMOSTAT).await;
    assert_struck(&world);
}

async fn no_effect_and_no_answer(world: World) {
    let _operator = begin(&world, vec![Rule::on(CREATE, Fault::drop_before()).times(1)]).await;
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 2);
}

async fn registration_cut_after_its_effect(world: World) {
    let _operator = begin(&world, vec![Rule::on(REGISTRATION, Fault::drop_after()).times(1)]).await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    assert_struck(&world);
    assert_eq!((product.register_type, product.register_limit), (2, 5000));
}

/// SIGKILL between the effect and the answer.
async fn killed_before_the_answer(world: World) {
    let mut operator = begin(&world, vec![Rule::on(CREATE, Fault::hold()).times(1)]).await;
    let held = world.held(CREATE).await;
    operator.crash();
    world.left(&held).await;
    let _next = world.operator().await;
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 1, "the next operator looks before it sends");
}

/// SIGKILL between the vendor's answer, which has arrived, and the write of the id.
async fn killed_before_the_id_is_recorded(world: World) {
    let mut operator = begin(&world, vec![Rule::on(CREATE, Fault::hold()).times(1)]).await;
    let held = world.held(CREATE).await;
    operator.freeze();
    world.release(&held).await;
    operator.crash();
    let object = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    assert_eq!(object.id(), None);
    let _next = world.operator().await;
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 1, "the next operator looks before it sends");
}

/// SIGKILL when the id is recorded and the Secret is not.
async fn killed_before_the_secret_is_written(world: World) {
    let mut operator = begin(&world, vec![Rule::on(REGISTRATION, Fault::hold()).times(1)]).await;
    let held = world.held(REGISTRATION).await;
    let id = world.only_product().product_id;
    world
        .product_until(THERMOSTAT, "the id recorded at once", PATIENCE, |product| product.id() == Some(&id))
        .await;
    assert!(world.secret(CREDENTIALS).await.is_none());
    operator.crash();
    world.left(&held).await;
    let _next = world.operator().await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    assert_eq!(product.product_id, id);
    assert_eq!(world.calls(CREATE).len(), 1);
}

/// The answer lies in the socket of a process that does not run, until its deadline is long over.
async fn frozen_while_the_answer_arrives(world: World) {
    let mut operator = begin(&world, vec![Rule::on(CREATE, Fault::hold()).times(1)]).await;
    let held = world.held(CREATE).await;
    operator.freeze();
    let frozen = Instant::now();
    world.release(&held).await;
    // Nothing shows that a frozen process's deadline is over but the time.
    tokio::time::sleep(Duration::from_secs(5).saturating_sub(frozen.elapsed())).await;
    operator.thaw();
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 1);
    assert_eq!(operator.ended(), None, "it goes on");
}

/// SIGTERM while the vendor works on the create: the answer is waited for and its id recorded.
async fn stopped_while_the_answer_is_on_its_way(world: World) {
    let mut operator = begin(&world, vec![Rule::on(CREATE, Fault::hold()).times(1)]).await;
    let held = world.held(CREATE).await;
    operator.terminate();
    // It answers its health checks until it is told to end.
    crate::world::until("the operator to heed SIGTERM", PATIENCE, async || {
        match operator.health("/readyz").await {
            Ok(200) => Err("still ready".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    world.release(&held).await;
    let status = operator.end(PATIENCE).await;
    assert!(status.success(), "{status}");
    let object = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    assert_eq!(object.id(), Some(world.only_product().product_id.as_str()), "recorded before the end");
    let _next = world.operator().await;
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 1);
}

/// Somebody takes the ledger away or damages it while a create is unclear.
async fn damaged_ledger_is_no_licence(world: World) {
    let mut operator = begin(&world, vec![Rule::on(CREATE, Fault::hold()).times(1)]).await;
    let held = world.held(CREATE).await;
    operator.crash();
    let damage = json!({"metadata": {"annotations": {"iot-products.io/creation": "{"}}});
    world.edit(Kind::Product, THERMOSTAT, damage).await;
    world.left(&held).await;
    let _next = world.operator().await;
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 1, "a ledger that can not be read counts as open");
}

/// The API server dies between the vendor's answer and the write of the id.
async fn api_server_gone_when_the_answer_comes(world: World) {
    let mut operator = begin(&world, vec![Rule::on(CREATE, Fault::hold()).times(1)]).await;
    let held = world.held(CREATE).await;
    world.plane().stop(iot_test_harness::Program::Apiserver).expect("the API server stops");
    world.release(&held).await;
    world.plane().start_again(iot_test_harness::Program::Apiserver).expect("the API server starts");
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 1);
    assert_eq!(operator.ended(), None, "it goes on");
}
