//! `reconcile.fluxcd.io/requestedAt` and its echo `status.lastHandledReconcileAt`: who waits for the echo, as
//! `flux reconcile` does, waits for the check to be done, and never for ever.

use iot_simulator::{Fault, Rule};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use serde_json::json;

use crate::manifest::{Contract, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{CREATE, LIST, READ, REGISTRATION};
use crate::world::{CHECK_NOW, PATIENCE, World, in_short, until};

tests!(Shared {
    a_product_answers_after_the_vendor_did,
    a_product_answers_after_its_repair,
    a_product_answers_when_the_check_fails,
    a_product_does_not_answer_for_the_visit_before,
    a_suspended_product_answers_when_it_goes_on,
    an_account_answers_after_the_vendor_did,
    an_account_answers_when_the_check_fails,
    an_account_without_a_key_answers,
});

const HANDLED: &str = "/status/lastHandledReconcileAt";

async fn begin(world: &World) -> (Contract, Operator) {
    let contract = world.contract();
    let operator = world.operator_with(&[("vendor-timeout", "20s")]).await;
    world.connect(&contract).await;
    world.apply(&contract.product).await;
    world.one_ready_product(THERMOSTAT).await;
    (contract, operator)
}

async fn handled(world: &World, kind: Kind, name: &str, asked: &str) -> Object {
    world
        .object_until(kind, name, "the check that was asked for", PATIENCE, |object| {
            object.text(HANDLED) == asked
        })
        .await
}

async fn ask(world: &World, kind: Kind, name: &str) -> String {
    let asked = jiff::Timestamp::now().to_string();
    world.edit(kind, name, json!({"metadata": {"annotations": {CHECK_NOW: asked}}})).await;
    asked
}

/// What the Event with this reason says.
async fn noted(world: &World, reason: &str) -> Result<String, String> {
    let api: Api<Event> = Api::namespaced(world.client(), world.namespace().name());
    let events = api.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
    let seen: Vec<_> = events.iter().filter_map(|event| event.reason.clone()).collect();
    let found = events.into_iter().find(|event| event.reason.as_deref() == Some(reason));
    found.and_then(|event| event.note).ok_or_else(|| format!("{seen:?}"))
}

/// While the vendor's answer is held back there is no echo; then there is.
async fn after(world: &World, kind: Kind, name: &str, action: &str) {
    world.admin().add_fault(Rule::on(action, Fault::hold()).times(1));
    let asked = ask(world, kind, name).await;
    let held = world.held(action).await;
    let object = world.get(kind, name).await.unwrap();
    assert_ne!(object.text(HANDLED), asked, "{action} is not answered: {}", object.brief());
    world.release(&held).await;
    let object = handled(world, kind, name, &asked).await;
    assert!(object.is_available(), "{}", object.brief());
}

async fn a_product_answers_after_the_vendor_did(world: World) {
    let (_, _operator) = begin(&world).await;
    after(&world, Kind::Product, THERMOSTAT, READ).await;
}

async fn a_product_answers_after_its_repair(world: World) {
    let (_, _operator) = begin(&world).await;
    let id = world.only_product().product_id;
    world.behind_the_back(&id, |product| product.register_limit = 1);
    after(&world, Kind::Product, THERMOSTAT, REGISTRATION).await;
    assert_eq!(world.only_product().register_limit, 5000);
}

/// As Flux's own controllers do. A healthy product stays Ready, an Event tells what happened, and the check
/// is made up for without being asked for again.
async fn a_product_answers_when_the_check_fails(world: World) {
    let (_, _operator) = begin(&world).await;
    let before = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    let id = world.only_product().product_id;
    world.behind_the_back(&id, |product| product.register_limit = 1);
    let writes = world.audit_mark();
    world.admin().add_fault(Rule::on(READ, Fault::status_before(500)));
    let asked = ask(&world, Kind::Product, THERMOSTAT).await;
    let mut object = handled(&world, Kind::Product, THERMOSTAT, &asked).await;
    object.0["status"].as_object_mut().unwrap().remove("lastHandledReconcileAt");
    assert_eq!(object.0["status"], before.0["status"], "nothing else is written");
    let own = in_short(&world.writes_since(writes).await);
    let own: Vec<_> = own.iter().filter(|write| write.contains(THERMOSTAT)).collect();
    assert_eq!(own, ["patch iotproducts/status thermostat"]);
    let note = until("an Event", PATIENCE, async || noted(&world, "CheckFailed").await).await;
    assert!(note.contains(READ), "{note}");
    world.admin().clear_faults();
    world.vendor_until("the limit as written", |products| products[0].register_limit == 5000).await;
}

/// A wish that comes while a visit is under way is the next visit's.
async fn a_product_does_not_answer_for_the_visit_before(world: World) {
    let contract = world.contract();
    let _operator = world.operator_with(&[("vendor-timeout", "20s")]).await;
    world.connect(&contract).await;
    world.admin().add_fault(Rule::on(CREATE, Fault::hold()).times(1));
    world.admin().add_fault(Rule::on(READ, Fault::hold()).times(1));
    world.apply(&contract.product).await;
    let create = world.held(CREATE).await;
    let asked = ask(&world, Kind::Product, THERMOSTAT).await;
    world.release(&create).await;
    // The visit that was under way is over, and the one that was asked for reads.
    let read = world.held(READ).await;
    let object = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    assert!(object.is_available(), "{}", object.brief());
    assert_eq!(object.text(HANDLED), "", "{}", object.brief());
    world.release(&read).await;
    handled(&world, Kind::Product, THERMOSTAT, &asked).await;
}

/// Nothing is checked while it is suspended; `flux reconcile` refuses to ask then.
async fn a_suspended_product_answers_when_it_goes_on(world: World) {
    let (_, _operator) = begin(&world).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"suspend": true}})).await;
    world.product_until(THERMOSTAT, "Suspended", PATIENCE, |product| product.is("Suspended")).await;
    let asked = ask(&world, Kind::Product, THERMOSTAT).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"enabled": true}})).await;
    let later = world.product_until(THERMOSTAT, "seen", PATIENCE, Object::is_current).await;
    assert_ne!(later.text(HANDLED), asked, "{}", later.brief());
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"suspend": false}})).await;
    handled(&world, Kind::Product, THERMOSTAT, &asked).await;
    assert!(!world.calls(READ).is_empty(), "checked in full");
}

async fn an_account_answers_after_the_vendor_did(world: World) {
    let contract = world.contract();
    let _operator = world.operator_with(&[("vendor-timeout", "20s")]).await;
    world.connect(&contract).await;
    after(&world, Kind::Account, TENCENT_ACCOUNT, LIST).await;
}

async fn an_account_answers_when_the_check_fails(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    world.admin().add_fault(Rule::on(LIST, Fault::status_before(500)));
    let asked = ask(&world, Kind::Account, TENCENT_ACCOUNT).await;
    let account = handled(&world, Kind::Account, TENCENT_ACCOUNT, &asked).await;
    assert_eq!((account.ready(), account.reason()), ("False", "VendorUnavailable"), "{}", account.brief());
}

async fn an_account_without_a_key_answers(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply(&contract.account).await;
    let asked = ask(&world, Kind::Account, TENCENT_ACCOUNT).await;
    let account = handled(&world, Kind::Account, TENCENT_ACCOUNT, &asked).await;
    assert_eq!(account.reason(), "CredentialsNotFound", "{}", account.brief());
}
