//! An edit reaches the vendor with the one call that it takes.

use std::collections::BTreeMap;

use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::manifest::{CREDENTIALS, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{FORBID, REGISTRATION};
use crate::world::{PATIENCE, World};

tests!(Shared {
    a_limit_is_one_call,
    disabling_is_one_call,
    both_are_two_calls,
    registration_off_and_on_again,
    an_edit_without_meaning_for_the_vendor_is_no_call,
    a_field_taken_out_is_left_as_it_is,
    an_edit_that_is_cut_arrives,
    an_edit_during_an_outage_arrives_afterwards,
});

async fn begin(world: &World) -> Operator {
    let contract = world.contract();
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    operator
}

/// Edits the spec and waits until that is Ready; the vendor calls that it took.
async fn edited(world: &World, spec: Value) -> BTreeMap<String, usize> {
    let calls = world.call_mark();
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": spec})).await;
    world.one_ready_product(THERMOSTAT).await;
    world.calls_since(calls)
}

fn calls<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.map(|(action, times)| (action.to_owned(), times)).into()
}

async fn a_limit_is_one_call(world: World) {
    let _operator = begin(&world).await;
    let secret = world.secret_version(CREDENTIALS).await;
    let made = edited(&world, json!({"dynamicRegistration": {"limit": 8000}})).await;
    assert_eq!(made, calls([(REGISTRATION, 1)]));
    assert_eq!(world.only_product().register_limit, 8000);
    let object = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    assert_eq!(object.0["status"]["observed"]["dynamicRegistration"]["limit"], 8000);
    assert_eq!(
        world.secret_version(CREDENTIALS).await,
        secret,
        "its content is the same, so it is not written"
    );
}

async fn disabling_is_one_call(world: World) {
    let _operator = begin(&world).await;
    let made = edited(&world, json!({"enabled": false})).await;
    assert_eq!(made, calls([(FORBID, 1)]));
    assert_eq!(world.only_product().forbidden_status, 1);
    let made = edited(&world, json!({"enabled": true})).await;
    assert_eq!(made, calls([(FORBID, 1)]));
    assert_eq!(world.only_product().forbidden_status, 0);
}

/// The vendor refuses registration of a disabled product, so the order matters.
async fn both_are_two_calls(world: World) {
    let _operator = begin(&world).await;
    let made = edited(&world, json!({"enabled": false, "dynamicRegistration": {"limit": 8000}})).await;
    assert_eq!(made, calls([(FORBID, 1), (REGISTRATION, 1)]));
    let product = world.only_product();
    assert_eq!((product.forbidden_status, product.register_limit), (1, 8000));
    let made = edited(&world, json!({"enabled": true, "dynamicRegistration": {"limit": 9000}})).await;
    assert_eq!(made, calls([(FORBID, 1), (REGISTRATION, 1)]));
    let product = world.only_product();
    assert_eq!((product.forbidden_status, product.register_limit), (0, 9000));
}

async fn registration_off_and_on_again(world: World) {
    let _operator = begin(&world).await;
    let (_, before) = world.secret(CREDENTIALS).await.unwrap();
    let made = edited(&world, json!({"dynamicRegistration": {"mode": "Disabled", "limit": null}})).await;
    assert_eq!(made, calls([(REGISTRATION, 1)]));
    assert_eq!(world.only_product().register_type, 0);
    assert_eq!(world.secret(CREDENTIALS).await.unwrap().1, before, "a stored secret is not taken away");
    let made = edited(&world, json!({"dynamicRegistration": {"mode": "PreRegistered"}})).await;
    assert_eq!(made, calls([(REGISTRATION, 1)]));
    assert_eq!(world.only_product().register_type, 1);
}

async fn an_edit_without_meaning_for_the_vendor_is_no_call(world: World) {
    let _operator = begin(&world).await;
    let made = edited(&world, json!({"deletionPolicy": "Retain", "driftPolicy": "Report"})).await;
    assert_eq!(made, BTreeMap::new());
}

/// Absent means not managed.
async fn a_field_taken_out_is_left_as_it_is(world: World) {
    let _operator = begin(&world).await;
    let made = edited(&world, json!({"dynamicRegistration": null})).await;
    assert_eq!(made, BTreeMap::new());
    assert_eq!(world.only_product().register_type, 2);
    let id = world.only_product().product_id;
    world.behind_the_back(&id, |product| product.register_limit = 1);
    let object = world.check_now(THERMOSTAT).await;
    assert!(object.is_available() && !object.is("Drifted"), "{}", object.brief());
    assert_eq!(world.only_product().register_limit, 1);
}

async fn an_edit_that_is_cut_arrives(world: World) {
    let _operator = begin(&world).await;
    world.admin().add_fault(Rule::on(REGISTRATION, Fault::drop_before()).times(2));
    edited(&world, json!({"dynamicRegistration": {"limit": 8000}})).await;
    assert_eq!(world.only_product().register_limit, 8000);
}

async fn an_edit_during_an_outage_arrives_afterwards(world: World) {
    let _operator = begin(&world).await;
    world.admin().add_fault(Rule::any(Fault::status_before(503)));
    let calls = world.call_mark();
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"dynamicRegistration": {"limit": 8000}}})).await;
    world
        .calls_until("a try", PATIENCE, |all| {
            all.iter().any(|call| call.sequence >= calls && call.code.is_some())
        })
        .await;
    let object = world
        .product_until(THERMOSTAT, "a required change that failed to show", PATIENCE, |product| {
            product.is_current() && product.ready() == "False"
        })
        .await;
    assert_eq!(object.reason(), "VendorUnavailable");
    assert!(!object.is("Stalled"), "it passes by itself: {}", object.brief());
    world.admin().clear_faults();
    world.product_until(THERMOSTAT, "Ready", PATIENCE * 2, Object::is_available).await;
    assert_eq!(world.only_product().register_limit, 8000);
}
