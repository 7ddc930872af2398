//! What passes by itself, and what waits because it was told to.

use std::collections::BTreeMap;

use iot_simulator::{Fault, Rule, When};
use serde_json::json;

use crate::manifest::{TENCENT_ACCOUNT, THERMOSTAT, named};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::{CREATE, LIST};
use crate::world::{PATIENCE, World, in_short};

tests!(Shared {
    throttled,
    throttled_for_a_moment,
    a_vendor_whose_first_list_hangs,
    a_create_behind_a_pause_says_so,
    a_list_that_is_told_to_wait_says_for_how_long,
    vendor_away_at_the_first_creation,
    vendor_away_leaves_healthy_products_alone,
    created_suspended,
    suspended_later,
});

async fn throttled(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    world.admin().add_fault(Rule::any(Fault::Throttle));
    world.apply(&contract.product).await;
    let object = world.reason(THERMOSTAT, "Throttled").await;
    assert_eq!(object.ready(), "Unknown", "the first creation is under way: {}", object.brief());
    assert!(!object.is("Stalled") && object.is("Reconciling"), "{}", object.brief());
    assert!(object.message().contains("60s"), "names the ceiling of the back-off: {}", object.message());
    world.admin().clear_faults();
    world.one_ready_product(THERMOSTAT).await;
}

/// A throttled create had no effect: it is clear, and sent again without a look-up's proof.
async fn throttled_for_a_moment(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    world.admin().add_fault(Rule::on(CREATE, Fault::Throttle).times(2));
    world.apply(&contract.product).await;
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls(CREATE).len(), 3);
}

/// Both say what they wait for while nothing has answered yet.
async fn a_vendor_whose_first_list_hangs(world: World) {
    let contract = world.contract();
    // Longer than anything here takes.
    let _operator = world.operator_with(&[("vendor-timeout", "85s")]).await;
    world.admin().add_fault(Rule::on(LIST, Fault::hold()).times(1));
    world.apply_all(&contract).await;
    let list = world.held(LIST).await;
    let waits = |object: &Object| object.ready() == "Unknown" && object.is("Reconciling");
    let account = world.object_until(Kind::Account, TENCENT_ACCOUNT, "a wait", PATIENCE, waits).await;
    assert!(account.message().contains("first answer"), "{}", account.brief());
    let product = world.product_until(THERMOSTAT, "a wait", PATIENCE, waits).await;
    assert_eq!(product.reason(), "Creating", "{}", product.brief());
    assert!(product.message().contains("first check"), "{}", product.brief());
    world.release(&list).await;
    world.one_ready_product(THERMOSTAT).await;
}

fn told_to_wait(status: u16, seconds: &str) -> Fault {
    Fault::Status { status, when: When::Before, retry_after: Some(seconds.to_owned()) }
}

/// The vendor asks for a pause of creations and answers everything else.
async fn a_create_behind_a_pause_says_so(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    world.admin().add_fault(Rule::on(CREATE, told_to_wait(429, "18446744073709551615")).times(1));
    world.apply(&contract.product).await;
    world.create_tried().await;
    world.apply(&named(&contract.product, "behind")).await;
    let object = world.reason("behind", "Throttled").await;
    assert_eq!(object.ready(), "Unknown", "{}", object.brief());
    assert!(object.message().contains("pause of up to 10 minutes"), "{}", object.message());
    let said = |account: &Object| account.is_available() && account.message().contains(CREATE);
    let account = world.object_until(Kind::Account, TENCENT_ACCOUNT, "the pause", PATIENCE, said).await;
    assert!(account.message().contains("up to 10 minutes"), "{}", account.message());
    assert_eq!(world.calls(CREATE).len(), 1);
}

async fn a_list_that_is_told_to_wait_says_for_how_long(world: World) {
    let contract = world.contract();
    world.admin().add_fault(Rule::on(LIST, told_to_wait(503, "86400")).times(1));
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let waits = |account: &Object| account.reason() == "VendorUnavailable";
    let account = world.object_until(Kind::Account, TENCENT_ACCOUNT, "the outage", PATIENCE, waits).await;
    assert!(account.message().contains("retried within 600s"), "{}", account.message());
}

async fn vendor_away_at_the_first_creation(world: World) {
    let contract = world.contract();
    world.admin().add_fault(Rule::any(Fault::status_before(500)));
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = world.reason(THERMOSTAT, "VendorUnavailable").await;
    assert_eq!(object.ready(), "Unknown", "{}", object.brief());
    assert!(!object.is("Stalled"), "{}", object.brief());
    world.admin().clear_faults();
    world.one_ready_product(THERMOSTAT).await;
}

/// An outage shows on the account, so that it does not turn ten thousand products red by as many writes.
async fn vendor_away_leaves_healthy_products_alone(world: World) {
    let mut contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!("1s");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let (before, _) = world.one_ready_product(THERMOSTAT).await;
    let writes = world.audit_mark();
    world.admin().add_fault(Rule::any(Fault::status_before(500)));
    world.ask_for_check(THERMOSTAT).await;
    let away = |account: &Object| account.reason() == "VendorUnavailable" && account.ready() == "False";
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "the outage", PATIENCE, away).await;
    let lists = world.calls(LIST).len();
    world
        .calls_until("another try", PATIENCE, |calls| {
            calls.iter().filter(|call| call.action == LIST && call.code.is_some()).count() > lists
        })
        .await;
    let during = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    let untouched = |object: &Object| {
        let mut status = object.0["status"].clone();
        status.as_object_mut().unwrap().remove("lastHandledReconcileAt");
        status
    };
    assert_eq!(untouched(&during), untouched(&before));
    // The answer to who asked is the only write, however often the vendor is tried.
    let own: Vec<_> = in_short(&world.writes_since(writes).await);
    assert_eq!(own.iter().filter(|write| write.contains(THERMOSTAT)).count(), 1, "{own:?}");
    world.admin().clear_faults();
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "Ready again", PATIENCE, Object::is_available).await;
    world.check_now(THERMOSTAT).await;
}

async fn created_suspended(world: World) {
    let mut contract = world.contract();
    contract.product["spec"]["suspend"] = json!(true);
    let _operator = world.operator().await;
    world.connect(&contract).await;
    let calls = world.call_mark();
    world.apply(&contract.product).await;
    let object = world.reason(THERMOSTAT, "Suspended").await;
    assert_eq!(object.ready(), "Unknown");
    assert!(object.is("Suspended") && !object.is("Stalled"), "{}", object.brief());
    assert_eq!(world.calls_since(calls), BTreeMap::new());
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"suspend": false}})).await;
    let (object, _) = world.one_ready_product(THERMOSTAT).await;
    assert!(object.condition("Suspended").is_none(), "present only while True: {}", object.brief());
}

async fn suspended_later(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    world
        .edit(
            Kind::Product,
            THERMOSTAT,
            json!({"spec": {"suspend": true, "dynamicRegistration": {"limit": 9000}}}),
        )
        .await;
    let object = world
        .product_until(THERMOSTAT, "Suspended", PATIENCE, |product| {
            product.is("Suspended") && product.is_current()
        })
        .await;
    assert_eq!(object.ready(), "True", "Ready keeps its value: {}", object.brief());
    assert_eq!(world.only_product().register_limit, 5000);
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"suspend": false}})).await;
    world.vendor_until("the edit to arrive", |products| products[0].register_limit == 9000).await;
    world.one_ready_product(THERMOSTAT).await;
}
