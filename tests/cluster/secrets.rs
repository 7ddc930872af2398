//! The Secret that workloads mount: always the vendor's values, and never somebody else's Secret.

use serde_json::json;

use crate::manifest::{CREDENTIALS, THERMOSTAT};
use crate::object::Kind;
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::READ;
use crate::world::{PATIENCE, World, in_short, until};

tests!(Shared {
    deleted_by_hand,
    altered_by_hand,
    key_removed_by_hand,
    owner_label_removed_by_hand,
    immutable_and_of_another_product,
    restored_at_its_turn,
    an_intact_one_costs_no_vendor_call,
    a_foreign_one_is_untouched,
    a_rename_moves_it,
    a_rename_onto_a_foreign_one_waits,
    template_metadata_follows_the_manifest,
    a_secret_that_the_vendor_hides_is_kept,
});

async fn begin(world: &World) -> Operator {
    let contract = world.contract();
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    operator
}

/// Damages the Secret, asks for a check, and finds it as it was.
async fn restored(world: World, damage: Option<serde_json::Value>) {
    let _operator = begin(&world).await;
    let (_, before) = world.secret(CREDENTIALS).await.unwrap();
    match damage {
        Some(patch) => world.edit(Kind::Secret, CREDENTIALS, patch).await,
        None => world.delete(Kind::Secret, CREDENTIALS).await,
    }
    let object = world.check_now(THERMOSTAT).await;
    world.agreed(&object).await;
    let (_, after) = world.secret(CREDENTIALS).await.unwrap();
    assert_eq!(after, before);
    assert!(!after["productSecret"].is_empty());
}

async fn deleted_by_hand(world: World) {
    restored(world, None).await;
}

async fn altered_by_hand(world: World) {
    restored(world, Some(json!({"stringData": {"productSecret": "guessed", "productId": "other"}}))).await;
}

async fn key_removed_by_hand(world: World) {
    restored(world, Some(json!({"data": {"productSecret": null, "region": null}}))).await;
}

async fn owner_label_removed_by_hand(world: World) {
    restored(world, Some(json!({"metadata": {"labels": {"iot-products.io/owner-uid": null}}}))).await;
}

/// One of ours that can not be edited is replaced.
async fn immutable_and_of_another_product(world: World) {
    restored(world, Some(json!({"immutable": true, "stringData": {"productName": "other"}}))).await;
}

/// Without anybody asking, at the next turn of `--secret-check-interval`.
async fn restored_at_its_turn(world: World) {
    let contract = world.contract();
    let _operator = world.operator_with(&[("secret-check-interval", "2s")]).await;
    world.apply_all(&contract).await;
    let (object, _) = world.one_ready_product(THERMOSTAT).await;
    world.delete(Kind::Secret, CREDENTIALS).await;
    until("the Secret to come back", PATIENCE, async || {
        world.secret(CREDENTIALS).await.map(drop).ok_or_else(|| "it is not there".to_owned())
    })
    .await;
    world.agreed(&object).await;
}

/// The turn is a get: no write, and nothing is asked of the vendor.
async fn an_intact_one_costs_no_vendor_call(world: World) {
    let contract = world.contract();
    let _operator = world.operator_with(&[("secret-check-interval", "1s")]).await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    let (calls, writes) = (world.call_mark(), world.audit_mark());
    let audit = world.plane().audit().unwrap();
    until("three looks at the Secret", PATIENCE, async || {
        let requests = audit.requests_by(world.user(), writes).await.unwrap();
        let looks =
            requests.iter().filter(|request| request.name == CREDENTIALS && request.verb == "get").count();
        if looks >= 3 { Ok(()) } else { Err(format!("{looks} looks")) }
    })
    .await;
    assert!(!world.calls_since(calls).contains_key(READ), "{:?}", world.calls_since(calls));
    // The account may have counted its products meanwhile.
    let writes: Vec<_> = in_short(&world.writes_since(writes).await);
    assert!(!writes.iter().any(|write| write.contains(THERMOSTAT)), "{writes:?}");
}

async fn a_foreign_one_is_untouched(world: World) {
    let contract = world.contract();
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": CREDENTIALS, "namespace": world.namespace().name()},
        "stringData": {"productSecret": "theirs"},
    });
    world.apply(&theirs).await;
    let version = world.secret_version(CREDENTIALS).await;
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = world.reason(THERMOSTAT, "SecretConflict").await;
    assert!(object.is("Stalled") && object.ready() == "False", "{}", object.brief());
    assert!(object.message().contains(CREDENTIALS), "{}", object.message());
    assert!(object.message().contains("spec.secret.name"), "says what to do: {}", object.message());
    assert_eq!(world.secret_version(CREDENTIALS).await, version);
    world.delete(Kind::Secret, CREDENTIALS).await;
    world.ask_for_check(THERMOSTAT).await;
    world.one_ready_product(THERMOSTAT).await;
}

async fn a_rename_moves_it(world: World) {
    let _operator = begin(&world).await;
    let (_, before) = world.secret(CREDENTIALS).await.unwrap();
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"secret": {"name": "moved"}}})).await;
    let (object, _) = world.one_ready_product(THERMOSTAT).await;
    assert_eq!(object.text("/status/secretRef/name"), "moved");
    assert_eq!(world.secret("moved").await.unwrap().1, before);
    world.gone(Kind::Secret, CREDENTIALS, PATIENCE).await;
}

async fn a_rename_onto_a_foreign_one_waits(world: World) {
    let _operator = begin(&world).await;
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "taken", "namespace": world.namespace().name()},
        "stringData": {"productSecret": "theirs"},
    });
    world.apply(&theirs).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"secret": {"name": "taken"}}})).await;
    world.reason(THERMOSTAT, "SecretConflict").await;
    let (_, data) = world.secret("taken").await.unwrap();
    assert_eq!(data["productSecret"], "theirs");
    assert!(world.secret(CREDENTIALS).await.is_some(), "workloads still have the old one");
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"secret": {"name": CREDENTIALS}}})).await;
    world.one_ready_product(THERMOSTAT).await;
}

async fn template_metadata_follows_the_manifest(world: World) {
    let _operator = begin(&world).await;
    let template = json!({"labels": {"team": "heat"}, "annotations": {"note": "n"}});
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"secret": template}})).await;
    world.one_ready_product(THERMOSTAT).await;
    let metadata = world.secret(CREDENTIALS).await.unwrap().0.metadata;
    assert_eq!(metadata.labels.unwrap_or_default().get("team").map(String::as_str), Some("heat"));
    assert_eq!(metadata.annotations.unwrap_or_default().get("note").map(String::as_str), Some("n"));
}

/// A stored secret is never overwritten by an empty one.
async fn a_secret_that_the_vendor_hides_is_kept(world: World) {
    let _operator = begin(&world).await;
    let (_, before) = world.secret(CREDENTIALS).await.unwrap();
    world.admin().edit_settings(|settings| settings.tencent.hide_secret_when_off = true);
    world
        .edit(
            Kind::Product,
            THERMOSTAT,
            json!({"spec": {"dynamicRegistration": {"mode": "Disabled", "limit": null}}}),
        )
        .await;
    world.ready(THERMOSTAT).await;
    world.check_now(THERMOSTAT).await;
    let (_, after) = world.secret(CREDENTIALS).await.unwrap();
    assert_eq!(after, before);
}
