//! What goes wrong has a reason and a message that says what to do, and passes when it is put right.

use std::collections::BTreeMap;
use std::time::Duration;

use iot_simulator::{Fault, Rule};
use serde_json::json;

use crate::manifest::{Contract, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::{ACCOUNT, CREATE};
use crate::world::World;

tests!(Shared {
    wrong_key,
    unknown_key,
    missing_key_secret,
    key_secret_without_the_key,
    missing_account,
    unknown_region,
    permission_denied,
    isolated_account,
    quota,
    refused_value,
    forbidden_endpoint,
    forbidden_plain_http,
    account_of_another_vendor,
    cluster_account_of_a_namespaced_operator,
    clock_skew_is_learnt,
});

/// A key or account that is put right is noticed within this.
const NOTICED: Duration = Duration::from_secs(30);

/// Not Ready for a reason, with a message that has these words, and nothing at the vendor.
async fn refused(world: &World, reason: &str, words: &[&str]) -> Object {
    let object = world.reason(THERMOSTAT, reason).await;
    assert_eq!(object.ready(), "False", "{}", object.brief());
    let message = object.message();
    for word in words {
        assert!(message.contains(word), "{word:?} in {message:?}");
    }
    assert_eq!(world.products(), []);
    assert!(world.secret("thermostat-credentials").await.is_none());
    object
}

async fn recovers(world: &World) {
    world.product_until(THERMOSTAT, "Ready again", NOTICED, Object::is_available).await;
    world.one_ready_product(THERMOSTAT).await;
}

async fn with_key(world: World, key: serde_json::Value, reason: &str) {
    let contract = world.contract();
    let mut wrong = contract.clone();
    for (name, value) in key.as_object().unwrap() {
        wrong.key["stringData"][name] = value.clone();
    }
    let _operator = world.operator().await;
    world.apply_all(&wrong).await;
    let object = refused(&world, reason, &["key", "Secret"]).await;
    assert!(!object.is("Stalled"), "a fresh key may need to spread: {}", object.brief());
    world.apply(&contract.key).await;
    recovers(&world).await;
}

async fn wrong_key(world: World) {
    with_key(world, json!({"secretKey": "ANOTHERKEY"}), "CredentialsInvalid").await;
}

async fn unknown_key(world: World) {
    with_key(world, json!({"secretId": "AKIDUNKNOWN"}), "CredentialsInvalid").await;
}

async fn missing_key_secret(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply(&contract.account).await;
    world.apply(&contract.product).await;
    let object = refused(&world, "CredentialsNotFound", &["tencent-key", "create"]).await;
    assert!(!object.is("Stalled"), "it may come seconds later: {}", object.brief());
    world.apply(&contract.key).await;
    recovers(&world).await;
}

async fn key_secret_without_the_key(world: World) {
    let contract = world.contract();
    let mut empty = contract.clone();
    empty.key["stringData"].as_object_mut().unwrap().remove("secretKey");
    let _operator = world.operator().await;
    world.apply_all(&empty).await;
    refused(&world, "CredentialsNotFound", &["secretKey"]).await;
    world.apply(&contract.key).await;
    recovers(&world).await;
}

async fn missing_account(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply(&contract.product).await;
    let object = refused(&world, "AccountNotFound", &["tencent", "spec.accountRef"]).await;
    assert!(!object.is("Stalled"), "it may come seconds later: {}", object.brief());
    world.apply(&contract.key).await;
    world.apply(&contract.account).await;
    recovers(&world).await;
}

async fn unknown_region(world: World) {
    let mut contract = world.contract();
    contract.account["spec"]["region"] = json!("ap-nowhere");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    refused(&world, "EndpointMisconfigured", &["region"]).await;
    // Another region is another account.
    let mut right = world.contract();
    right.account["metadata"]["name"] = json!("right");
    world.apply(&right.account).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"accountRef": {"name": "right"}}})).await;
    recovers(&world).await;
}

/// The account is good, the vendor refuses the create.
async fn refused_create(world: World, fault: Fault, reason: &str, words: &[&str], stalled: bool) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    world.admin().add_fault(Rule::on(CREATE, fault));
    world.apply(&contract.product).await;
    let object = refused(&world, reason, words).await;
    assert_eq!(object.is("Stalled"), stalled, "{}", object.brief());
    world.admin().clear_faults();
    world.ask_for_check(THERMOSTAT).await;
    recovers(&world).await;
}

async fn permission_denied(world: World) {
    let fault = Fault::error("AuthFailure.UnauthorizedOperation");
    refused_create(world, fault, "PermissionDenied", &["grant", CREATE], false).await;
}

async fn isolated_account(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    world.tencent().suspend(ACCOUNT, true).unwrap();
    world.apply(&contract.product).await;
    refused(&world, "AccountSuspended", &["billing"]).await;
    world.tencent().suspend(ACCOUNT, false).unwrap();
    world.ask_for_check(THERMOSTAT).await;
    recovers(&world).await;
}

async fn quota(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    world.tencent().set_product_limit(ACCOUNT, 0).unwrap();
    world.apply(&contract.product).await;
    let object = refused(&world, "QuotaExceeded", &["quota"]).await;
    assert!(object.is("Stalled"), "{}", object.brief());
    world.tencent().set_product_limit(ACCOUNT, 1).unwrap();
    world.ask_for_check(THERMOSTAT).await;
    recovers(&world).await;
}

async fn refused_value(world: World) {
    let fault = Fault::Error {
        code: "InvalidParameterValue".to_owned(),
        message: Some("The parameter `ProductDescription` is not to our taste.".to_owned()),
    };
    refused_create(world, fault, "InvalidSpec", &["ProductDescription", "manifest"], true).await;
}

async fn forbidden_endpoint(world: World) {
    let contract = world.contract();
    let _operator = world.operator_with(&[("allowed-endpoints", "*.example.com")]).await;
    world.apply_all(&contract).await;
    let object = refused(&world, "EndpointNotAllowed", &["127.0.0.1", "--allowed-endpoints"]).await;
    assert!(object.is("Stalled"), "{}", object.brief());
    assert_eq!(world.calls_since(0), BTreeMap::new());
}

async fn forbidden_plain_http(world: World) {
    let contract = world.contract();
    let _operator = world.operator_with(&[("allow-plain-http", "absent")]).await;
    world.apply_all(&contract).await;
    let object = refused(&world, "EndpointNotAllowed", &["http"]).await;
    assert!(object.is("Stalled"), "{}", object.brief());
    assert_eq!(world.calls_since(0), BTreeMap::new());
}

async fn account_of_another_vendor(world: World) {
    let contract = world.contract();
    let mut other: Contract = contract.clone();
    other.account["spec"]["vendor"] = json!("AlibabaCloud");
    other.account["spec"]["region"] = json!("cn-shanghai");
    let _operator = world.operator().await;
    world.apply_all(&other).await;
    let object = refused(&world, "AccountMismatch", &["AlibabaCloud", "TencentCloud", "accountRef"]).await;
    assert!(object.is("Stalled"), "{}", object.brief());
}

async fn cluster_account_of_a_namespaced_operator(world: World) {
    let mut contract = world.contract();
    contract.product["spec"]["accountRef"] = json!({"kind": "ClusterIotAccount", "name": "shared"});
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    refused(&world, "AccountNotAllowed", &["IotAccount"]).await;
}

/// The vendor's clock is a quarter of an hour ahead, beyond the window of its signatures; it says so.
async fn clock_skew_is_learnt(world: World) {
    world.admin().edit_settings(|settings| settings.clock_skew_seconds = 900);
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
}
