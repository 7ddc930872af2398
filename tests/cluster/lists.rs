//! A look-up that fails proves nothing: after an unclear create no second one is sent until a list is whole.

use iot_simulator::{Call, Fault, Garbage, Rule};

use crate::manifest::THERMOSTAT;
use crate::object::Kind;
use crate::session::tests;
use crate::vendor::{CREATE, LIST};
use crate::world::{PATIENCE, World};

tests!(Shared {
    error_code,
    unknown_error_code,
    throttled,
    server_error,
    not_found_status,
    cut,
    not_json,
    truncated,
    empty,
});

/// Failed look-ups, begun after the unclear attempt's deadline, that are seen before it is believed that no
/// create follows them: the second is asked for only by who made nothing of the first.
const LOOKS: usize = 2;
/// Of the operators here.
const VENDOR_TIMEOUT: (&str, i64) = ("2s", 2000);

async fn no_create_after(world: World, fault: Fault) {
    let contract = world.contract();
    let _operator = world.operator_with(&[("vendor-timeout", VENDOR_TIMEOUT.0)]).await;
    world.connect(&contract).await;
    world.admin().set_faults(vec![
        // No effect: only a look-up can tell, and a hasty operator would send again.
        Rule::on(CREATE, Fault::drop_before()).times(1),
        Rule::on(LIST, fault),
    ]);
    world.apply(&contract.product).await;
    world.create_tried().await;
    let deadline = world.calls(CREATE)[0].time_ms + VENDOR_TIMEOUT.1;
    world
        .calls_until("failed look-ups after the deadline", PATIENCE * 2, |calls| {
            let failed = |call: &&Call| call.action == LIST && call.time_ms > deadline && call.code.is_some();
            calls.iter().filter(failed).count() >= LOOKS
        })
        .await;
    assert_eq!(world.calls(CREATE).len(), 1, "sent again without a proof");
    let object = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    assert_ne!(object.ready(), "True");
    assert_eq!(object.id(), None);

    world.admin().clear_faults();
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 2);
}

async fn error_code(world: World) {
    no_create_after(world, Fault::error("InternalError")).await;
}

async fn unknown_error_code(world: World) {
    no_create_after(world, Fault::error("ResourceNotFound.SomethingNew")).await;
}

async fn throttled(world: World) {
    no_create_after(world, Fault::Throttle).await;
}

async fn server_error(world: World) {
    no_create_after(world, Fault::status_before(500)).await;
}

async fn not_found_status(world: World) {
    no_create_after(world, Fault::status_before(404)).await;
}

async fn cut(world: World) {
    no_create_after(world, Fault::drop_before()).await;
}

async fn not_json(world: World) {
    no_create_after(world, Fault::garbage(Garbage::NotJson)).await;
}

async fn truncated(world: World) {
    no_create_after(world, Fault::garbage(Garbage::CutBody)).await;
}

async fn empty(world: World) {
    no_create_after(world, Fault::garbage(Garbage::Empty)).await;
}
