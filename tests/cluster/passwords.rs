//! Passwords that the vendor never shows: the Kubernetes Secret is their only copy, so it has them before
//! the vendor does, and what it has is never lost and never replaced unasked.

use std::time::Duration;

use iot_simulator::huawei::Product;
use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::huawei::{
    PLC, PLC_SECRET, RESET, actions, begin, connect, contract, data, edit_behind, one_ready, only, ready,
    unshared,
};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::side::Side;
use crate::vendor::ACCOUNT;
use crate::world::{PATIENCE, World, until};

tests!(Shared {
    cut_after_the_effect,
    cut_before_the_effect,
    bad_gateway_after_the_effect,
    no_answer_after_the_effect,
    killed_before_the_password_is_confirmed,
    killed_before_the_call,
    a_refused_call_leaves_nothing_in_doubt,
    a_confirmed_value_is_repeated_before_another_is_sent,
    a_renamed_secret_keeps_a_password_in_doubt,
    a_deleted_secret_is_reported_and_can_be_restored,
    an_altered_password_is_reported_and_can_be_rotated,
    a_secret_lost_without_devices_is_not_replaced_unasked,
    a_rotation_is_carried_out_once,
    a_rotation_survives_a_crash,
    a_rotation_that_status_does_not_tell_of_is_not_done_again,
    a_rotation_of_a_product_that_is_gone_creates_it_anew,
    an_immutable_secret_is_not_replaced,
    other_keys_stay,
    a_watched_product_gets_no_password,
    an_order_that_came_with_the_manifest_of_an_existing_product_is_none,
});

const ROTATE: &str = "iot-products.io/rotate-password";
/// A lost password is found where its Secret's turn comes, which is not waited for here.
const NOTICED: Duration = Duration::from_secs(90);

async fn rotate(world: &World, value: &str) {
    world.edit(Kind::Product, PLC, json!({"metadata": {"annotations": {ROTATE: value}}})).await;
}

/// Waits until a rotation is carried out, and the product is Ready with both sides agreed.
async fn rotated(world: &World, value: &str) -> Product {
    world
        .product_until(PLC, "the rotation", NOTICED, |object| {
            object.text("/status/lastHandledRotation") == value && object.is_available()
        })
        .await;
    one_ready(world, PLC).await.1
}

/// The first call that sets a password suffers the fault; returns with the value that it carries.
async fn doubtful(world: &World, fault: Fault) -> (Operator, String) {
    let contract = contract(world);
    let operator = world.operator_with(&[("vendor-timeout", "3s")]).await;
    connect(world, &contract).await;
    // Slow enough to look at what was written before the call.
    world.admin().set_faults(vec![Rule::on(RESET, fault).times(1).latency_ms(700)]);
    world.apply(&contract.product).await;
    world.calls_until("the call", PATIENCE, |calls| calls.iter().any(|call| call.action == RESET)).await;
    let written = data(world, PLC_SECRET).await;
    assert_eq!(written.get("password"), None, "it is not confirmed");
    (operator, written["pendingPassword"].clone())
}

/// The value in doubt is the one in the end.
async fn agreed(world: &World, value: &str) -> Product {
    let (_, product) = one_ready(world, PLC).await;
    assert_eq!(product.password, value, "no other value was sent");
    assert_eq!(world.admin().faults()[0].used, 1, "the fault struck");
    product
}

async fn healed(world: World, fault: Fault, applied: u64) {
    let (_operator, value) = doubtful(&world, fault).await;
    let product = agreed(&world, &value).await;
    assert_eq!((product.password_changes, world.calls(RESET).len()), (applied, 2));
}

async fn cut_after_the_effect(world: World) {
    healed(world, Fault::drop_after(), 2).await;
}

async fn cut_before_the_effect(world: World) {
    healed(world, Fault::drop_before(), 1).await;
}

async fn bad_gateway_after_the_effect(world: World) {
    healed(world, Fault::status_after(502), 2).await;
}

async fn no_answer_after_the_effect(world: World) {
    healed(world, Fault::hold(), 2).await;
}

/// SIGKILL between the vendor's answer, which has arrived, and the write that confirms it.
async fn killed_before_the_password_is_confirmed(world: World) {
    let (mut operator, value) = doubtful(&world, Fault::hold()).await;
    let held = world.held(RESET).await;
    operator.freeze();
    world.release(&held).await;
    operator.crash();
    assert_eq!(data(&world, PLC_SECRET).await.get("password"), None);
    let _next = world.operator().await;
    agreed(&world, &value).await;
}

/// SIGKILL when the value is written down, and the call has no effect.
async fn killed_before_the_call(world: World) {
    let (mut operator, value) = doubtful(&world, Fault::hang()).await;
    let held = world.held(RESET).await;
    operator.crash();
    world.left(&held).await;
    assert_eq!(only(&world).password_changes, 0);
    let _next = world.operator().await;
    assert_eq!(agreed(&world, &value).await.password_changes, 1);
}

/// A clear refusal is no reason to send a confirmed value once more.
async fn a_refused_call_leaves_nothing_in_doubt(world: World) {
    let (_operator, value) = doubtful(&world, Fault::Throttle).await;
    let product = agreed(&world, &value).await;
    assert_eq!((product.password_changes, world.calls(RESET).len()), (1, 2));
    assert!(!data(&world, PLC_SECRET).await.contains_key("pendingPassword"));
}

/// An unclear call may be delivered late. Until then no other value is sent, whoever asks, and at the end the
/// confirmed one once more, by whichever process is there.
async fn a_confirmed_value_is_repeated_before_another_is_sent(world: World) {
    let (mut operator, value) = doubtful(&world, Fault::drop_after()).await;
    agreed(&world, &value).await;
    assert_eq!(data(&world, PLC_SECRET).await["pendingPassword"], value, "it waits for its repetition");
    operator.crash();
    let _next = world.operator().await;
    rotate(&world, "1").await;
    world.check_now(PLC).await;
    assert_eq!(only(&world).password, value, "not while a call may be under way");
    let product = rotated(&world, "1").await;
    assert_ne!(product.password, value);
    let sent = world.calls(RESET);
    assert_eq!(
        (sent.len(), product.password_changes),
        (4, 4),
        "lost, confirmed, repeated, rotated: {sent:?}"
    );
    let (doubted, repeated) = (sent[0].time_ms, sent[2].time_ms);
    assert!(repeated - doubted >= 60_000, "repeated {} ms after the lost call", repeated - doubted);
    assert!(!data(&world, PLC_SECRET).await.contains_key("pendingPassword"));
}

async fn a_renamed_secret_keeps_a_password_in_doubt(world: World) {
    let (_operator, value) = doubtful(&world, Fault::drop_after()).await;
    agreed(&world, &value).await;
    world.edit(Kind::Product, PLC, json!({"spec": {"secret": {"name": "renamed"}}})).await;
    agreed(&world, &value).await;
    until("the old Secret to go", PATIENCE, async || match world.secret(PLC_SECRET).await {
        None => Ok(()),
        Some((_, data)) => Err(format!("{:?}", data.keys())),
    })
    .await;
    let moved = data(&world, "renamed").await;
    assert_eq!((&moved["password"], &moved["pendingPassword"]), (&value, &value));
}

/// Told, stalled, and nothing is changed at the vendor.
async fn lost(world: &World, product: &Product) -> Object {
    let calls = world.call_mark();
    world.ask_for_check(PLC).await;
    let object = world.reason(PLC, "SecretLost").await;
    assert!(object.is("Stalled") && object.ready() == "False", "{}", object.brief());
    let says = |word| object.message().contains(word);
    assert!(says(ROTATE) && says("restore") && says(PLC_SECRET), "{}", object.message());
    assert_eq!(only(world), *product, "the vendor's password is as it was");
    assert_eq!(unshared(world, calls), actions(&[("ShowProduct", 1)]));
    object
}

async fn a_deleted_secret_is_reported_and_can_be_restored(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    edit_behind(&world, &product, |product| product.device_count = 2);
    let product = only(&world);
    let backup = world.get(Kind::Secret, PLC_SECRET).await.unwrap().0;
    world.delete(Kind::Secret, PLC_SECRET).await;
    lost(&world, &product).await;
    assert!(world.secret(PLC_SECRET).await.is_none(), "no Secret is better than one without a password");
    // As a backup gives it back: data, type and labels.
    let restored = json!({
        "apiVersion": "v1", "kind": "Secret", "type": backup["type"], "data": backup["data"],
        "metadata": {"name": PLC_SECRET, "namespace": world.namespace().name(), "labels": backup["metadata"]["labels"]},
    });
    let calls = world.call_mark();
    world.apply(&restored).await;
    world.product_until(PLC, "Ready again", NOTICED, Object::is_available).await;
    ready(&world, PLC).await;
    assert_eq!(only(&world), product);
    assert_eq!(unshared(&world, calls), actions(&[]), "the vendor has nothing to say about it");
    // The other way out stays open.
    world.delete(Kind::Secret, PLC_SECRET).await;
    lost(&world, &product).await;
    rotate(&world, "after the loss").await;
    let rotated = rotated(&world, "after the loss").await;
    assert_eq!(rotated.password_changes, product.password_changes + 1);
}

fn password(text: &str) -> Value {
    json!({"stringData": {"password": text}})
}

async fn an_altered_password_is_reported_and_can_be_rotated(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    edit_behind(&world, &product, |product| product.device_count = 2);
    let product = only(&world);
    world.edit(Kind::Secret, PLC_SECRET, password("aA0-forged-forged-forged")).await;
    lost(&world, &product).await;
    rotate(&world, "1").await;
    let rotated = rotated(&world, "1").await;
    assert_eq!(rotated.password_changes, product.password_changes + 1);
    assert_ne!(rotated.password, product.password);
    // The right value, written by hand, is as good.
    world.edit(Kind::Secret, PLC_SECRET, password("aA0-forged-forged-forged")).await;
    lost(&world, &rotated).await;
    world.edit(Kind::Secret, PLC_SECRET, password(&rotated.password)).await;
    world.product_until(PLC, "Ready again", NOTICED, Object::is_available).await;
    assert_eq!(one_ready(&world, PLC).await.1, rotated);
}

/// A device may have been made with it a moment ago: a password is made unasked for a fresh product only.
async fn a_secret_lost_without_devices_is_not_replaced_unasked(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    world.delete(Kind::Secret, PLC_SECRET).await;
    lost(&world, &product).await;
    world.delete(Kind::Product, PLC).await;
    world.gone(Kind::Product, PLC, PATIENCE).await;
    assert_eq!(crate::huawei::products(&world), [], "a lost password holds no deletion");
}

async fn a_rotation_is_carried_out_once(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    edit_behind(&world, &product, |product| product.device_count = 2);
    let calls = world.call_mark();
    rotate(&world, "2026-05").await;
    let first = rotated(&world, "2026-05").await;
    assert_ne!(first.password, product.password);
    assert_eq!(unshared(&world, calls), actions(&[("ShowProduct", 1), (RESET, 1)]));
    world.check_now(PLC).await;
    world.edit(Kind::Product, PLC, json!({"spec": {"description": "edited"}})).await;
    assert_eq!(ready(&world, PLC).await.1.password, first.password, "the same wish is not carried out twice");
    rotate(&world, "2026-06").await;
    let second = rotated(&world, "2026-06").await;
    assert_eq!((second.password_changes, second.password == first.password), (3, false));
}

async fn a_rotation_survives_a_crash(world: World) {
    let (mut operator, product) = begin(&world, |_| {}).await;
    edit_behind(&world, &product, |product| product.device_count = 2);
    world.admin().set_faults(vec![Rule::on(RESET, Fault::hold()).times(1)]);
    rotate(&world, "1").await;
    let held = world.held(RESET).await;
    let between = data(&world, PLC_SECRET).await;
    assert_eq!(between["password"], product.password, "until it is confirmed, the old one stays beside it");
    let value = between["pendingPassword"].clone();
    operator.freeze();
    world.release(&held).await;
    operator.crash();
    let _next = world.operator().await;
    assert_eq!(rotated(&world, "1").await.password, value);
    assert_eq!(world.calls(RESET).len(), 3, "created, lost, confirmed");
}

/// As if the crash had come between the Secret and the status that tells of it.
async fn a_rotation_that_status_does_not_tell_of_is_not_done_again(world: World) {
    let (mut operator, _) = begin(&world, |_| {}).await;
    rotate(&world, "1").await;
    let first = rotated(&world, "1").await;
    operator.crash();
    let status = json!({"status": {"lastHandledRotation": null, "passwordHash": "00:00"}});
    let patch = status.to_string();
    let arguments = ["patch", "iotproduct", PLC, "--subresource=status", "--type=merge", "--patch", &patch];
    world.kubectl(&arguments, "");
    let _next = world.operator().await;
    assert_eq!(rotated(&world, "1").await, first);
    world.check_now(PLC).await;
    assert_eq!((one_ready(&world, PLC).await.1, world.calls(RESET).len()), (first, 2));
}

async fn a_rotation_of_a_product_that_is_gone_creates_it_anew(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    world.admin().huawei().delete_product(ACCOUNT, &product.id.to_string()).unwrap();
    rotate(&world, "1").await;
    world
        .product_until(PLC, "the rotation", PATIENCE, |object| {
            object.text("/status/lastHandledRotation") == "1" && object.is_available()
        })
        .await;
    let (_, anew) = ready(&world, PLC).await;
    assert_eq!((only(&world).id, anew.password_changes), (anew.id, 1));
    assert_ne!((anew.id, &anew.password), (product.id, &product.password));
}

/// Between its end and the next there would be no copy of the password.
async fn an_immutable_secret_is_not_replaced(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    world.edit(Kind::Secret, PLC_SECRET, json!({"immutable": true})).await;
    world.edit(Kind::Product, PLC, json!({"spec": {"name": "plc-gateway_02"}})).await;
    let object = world.reason(PLC, "SecretConflict").await;
    assert!(object.message().contains("spec.secret.name"), "{}", object.message());
    assert_eq!(data(&world, PLC_SECRET).await["password"], product.password);
    world.edit(Kind::Product, PLC, json!({"spec": {"secret": {"name": "another"}}})).await;
    let (_, renamed) = one_ready(&world, PLC).await;
    assert_eq!((renamed.password, world.calls(RESET).len()), (product.password, 1));
    until("the old Secret to go", PATIENCE, async || match world.secret(PLC_SECRET).await {
        None => Ok(()),
        Some((_, data)) => Err(format!("{:?}", data.keys())),
    })
    .await;
}

async fn other_keys_stay(world: World) {
    let (_operator, _) = begin(&world, |_| {}).await;
    world.edit(Kind::Secret, PLC_SECRET, json!({"stringData": {"note": "theirs"}})).await;
    rotate(&world, "1").await;
    world
        .product_until(PLC, "the rotation", PATIENCE, |object| {
            object.text("/status/lastHandledRotation") == "1" && object.is_available()
        })
        .await;
    let held = data(&world, PLC_SECRET).await;
    assert_eq!((held["note"].as_str(), &held["password"]), ("theirs", &only(&world).password));
}

/// Watching sets nothing, whatever is asked.
async fn a_watched_product_gets_no_password(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    world.edit(Kind::Product, PLC, json!({"spec": {"managementPolicy": "ObserveOnly"}})).await;
    ready(&world, PLC).await;
    rotate(&world, "1").await;
    world.delete(Kind::Secret, PLC_SECRET).await;
    world.check_now(PLC).await;
    assert_eq!(only(&world), product);
    assert_eq!(world.calls(RESET).len(), 1);
}

/// The manifest of a product that has devices in the field, applied in another cluster together with its Secret.
async fn an_order_that_came_with_the_manifest_of_an_existing_product_is_none(world: World) {
    let mut contract = contract(&world);
    let existing = Side::Huawei.existing(&world, &contract, "made elsewhere");
    contract.product["spec"]["productId"] = json!(existing.id);
    contract.product["metadata"]["annotations"] = json!({ROTATE: "2026-05"});
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "iot-products.io/product-credentials",
        "metadata": {"name": PLC_SECRET, "namespace": world.namespace().name()},
        "stringData": {"vendor": "HuaweiCloud", "productId": existing.id, "password": existing.secret},
    });
    world.apply(&secret).await;
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let (object, product) = ready(&world, PLC).await;
    assert_eq!(object.text("/status/lastHandledRotation"), "2026-05");
    assert_eq!((product.password.as_str(), world.calls(RESET).len()), (existing.secret.as_str(), 0));
    rotate(&world, "2026-06").await;
    let carried_out = |object: &Object| object.text("/status/lastHandledRotation") == "2026-06";
    world.product_until(PLC, "the rotation", PATIENCE, carried_out).await;
    assert_ne!(ready(&world, PLC).await.1.password, existing.secret);
}
