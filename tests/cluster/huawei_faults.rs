//! A create at Huawei whose outcome its caller does not get to see: always one product and its password,
//! whether or not the vendor refuses taken names.

use iot_simulator::{Fault, Rule};

use crate::huawei::{PLC, connect, contract, one_ready};
use crate::object::Kind;
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::CREATE;
use crate::world::World;

tests!(Shared {
    connection_cut_after_the_effect,
    connection_cut_after_the_effect_names_repeatable,
    bad_gateway_after_the_effect,
    bad_gateway_after_the_effect_names_repeatable,
    no_answer_after_the_effect,
    no_answer_after_the_effect_names_repeatable,
    cut_while_lists_lag,
    cut_while_lists_lag_names_repeatable,
    killed_before_the_id_is_recorded,
    killed_before_the_id_is_recorded_names_repeatable,
    no_effect_and_no_answer,
});

/// Operator and account are ready, the fault is in place, the product is applied.
async fn begin(world: &World, unique: bool, fault: Fault) -> Operator {
    world.admin().edit_settings(|settings| settings.huawei.unique_names = unique);
    let contract = contract(world);
    let operator = world.operator_with(&[("vendor-timeout", "3s")]).await;
    connect(world, &contract).await;
    world.admin().set_faults(vec![Rule::on(CREATE, fault).times(1)]);
    world.apply(&contract.product).await;
    operator
}

async fn found_again(world: World, unique: bool, fault: Fault) {
    let _operator = begin(&world, unique, fault).await;
    one_ready(&world, PLC).await;
    assert_eq!(world.admin().faults()[0].used, 1, "the fault struck");
    assert_eq!(world.calls(CREATE).len(), 1, "the list shows it, so nothing is sent again");
}

async fn connection_cut_after_the_effect(world: World) {
    found_again(world, true, Fault::drop_after()).await;
}

async fn connection_cut_after_the_effect_names_repeatable(world: World) {
    found_again(world, false, Fault::drop_after()).await;
}

async fn bad_gateway_after_the_effect(world: World) {
    found_again(world, true, Fault::status_after(502)).await;
}

async fn bad_gateway_after_the_effect_names_repeatable(world: World) {
    found_again(world, false, Fault::status_after(502)).await;
}

async fn no_answer_after_the_effect(world: World) {
    found_again(world, true, Fault::hold()).await;
}

async fn no_answer_after_the_effect_names_repeatable(world: World) {
    found_again(world, false, Fault::hold()).await;
}

async fn cut_while_lists_lag(world: World) {
    world.admin().edit_settings(|settings| settings.list_lag_ms = 5000);
    found_again(world, true, Fault::drop_after()).await;
}

async fn cut_while_lists_lag_names_repeatable(world: World) {
    world.admin().edit_settings(|settings| settings.list_lag_ms = 5000);
    found_again(world, false, Fault::drop_after()).await;
}

/// SIGKILL between the vendor's answer, which has arrived, and the write of the id.
async fn killed(world: World, unique: bool) {
    let mut operator = begin(&world, unique, Fault::hold()).await;
    let held = world.held(CREATE).await;
    operator.freeze();
    world.release(&held).await;
    operator.crash();
    assert_eq!(world.get(Kind::Product, PLC).await.unwrap().id(), None);
    let _next = world.operator().await;
    one_ready(&world, PLC).await;
    assert_eq!(world.calls(CREATE).len(), 1, "the next operator looks before it sends");
}

async fn killed_before_the_id_is_recorded(world: World) {
    killed(world, true).await;
}

async fn killed_before_the_id_is_recorded_names_repeatable(world: World) {
    killed(world, false).await;
}

/// Another create only after two empty lists, the last of them a minute after the first one's deadline.
async fn no_effect_and_no_answer(world: World) {
    let _operator = begin(&world, false, Fault::drop_before()).await;
    one_ready(&world, PLC).await;
    let creates = world.calls(CREATE);
    assert_eq!(creates.len(), 2, "{creates:?}");
    let waited = creates[1].time_ms - creates[0].time_ms;
    assert!(waited >= 60_000, "the second came {waited} ms after the first");
}
