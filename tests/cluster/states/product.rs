//! The states of a product.

use std::time::Duration;

use iot_simulator::tencent::Product;
use iot_simulator::{Fault, Rule};
use serde_json::json;

use super::{Scene, judge, states};
use crate::manifest::{CREDENTIALS, Contract, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::vendor::{ACCOUNT, CREATE, DELETE, REGISTRATION};
use crate::world::PATIENCE;

states!(Product {
    available: Available True passes Current,
    drift_that_is_only_reported: Available True passes Current,
    creating: Creating Unknown passes InProgress,
    updating: Updating Unknown passes InProgress,
    deleting: Deleting False passes Terminating,
    account_not_found: AccountNotFound False passes InProgress,
    account_not_allowed: AccountNotAllowed False passes InProgress,
    account_mismatch: AccountMismatch False stalls Failed,
    credentials_not_found: CredentialsNotFound False passes InProgress,
    credentials_invalid: CredentialsInvalid False passes InProgress,
    permission_denied: PermissionDenied False passes InProgress,
    account_suspended: AccountSuspended False passes InProgress,
    endpoint_misconfigured: EndpointMisconfigured False passes InProgress,
    endpoint_not_allowed: EndpointNotAllowed False stalls Failed,
    throttled: Throttled Unknown passes InProgress,
    throttled_edit: Throttled False passes InProgress,
    vendor_unavailable: VendorUnavailable Unknown passes InProgress,
    clock_skew: ClockSkew Unknown passes InProgress,
    invalid_spec: InvalidSpec False stalls Failed,
    name_conflict: NameConflict False stalls Failed,
    secret_lost: SecretLost False stalls Failed,
    quota_exceeded: QuotaExceeded False stalls Failed,
    product_missing: ProductMissing False stalls Failed,
    immutable_drift: ImmutableDrift False stalls Failed,
    deletion_blocked: DeletionBlocked False stalls Terminating,
    secret_conflict: SecretConflict False stalls Failed,
    suspended: Suspended Unknown passes InProgress,
});

async fn available(scene: &Scene) {
    let (_, _operator) = scene.created(|_| {}).await;
    scene.reached().await;
    scene.world.delete(Kind::Product, THERMOSTAT).await;
    scene.left().await;
}

async fn drift_that_is_only_reported(scene: &Scene) {
    let report = |contract: &mut Contract| {
        contract.product["spec"]["driftPolicy"] = json!("Report");
        contract.product["spec"]["enabled"] = json!(true);
    };
    let (_, _operator) = scene.created(report).await;
    let id = scene.world.only_product().product_id;
    scene.world.behind_the_back(&id, |product| product.forbidden_status = 1);
    let drifted = |product: &Object| product.is("Drifted");
    scene.world.product_until(THERMOSTAT, "Drifted", PATIENCE, drifted).await;
    scene.reached().await;
    scene.edit(json!({"driftPolicy": "Correct"})).await;
    let corrected = |product: &Object| product.is_available() && !product.is("Drifted");
    scene.world.product_until(THERMOSTAT, "corrected", PATIENCE, corrected).await;
    scene.left().await;
}

async fn creating(scene: &Scene) {
    let (contract, _operator) = scene.begin(&[("vendor-timeout", "20s")]).await;
    scene.world.admin().add_fault(Rule::on(CREATE, Fault::hold()).times(1));
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.world.admin().release_all();
    scene.left().await;
}

async fn updating(scene: &Scene) {
    let (_, _operator) = scene.created(|_| {}).await;
    scene.world.admin().add_fault(Rule::on(REGISTRATION, Fault::hold()).times(1));
    scene.edit(json!({"dynamicRegistration": {"limit": 9000}})).await;
    scene.reached().await;
    scene.world.admin().release_all();
    scene.left().await;
    assert_eq!(scene.world.only_product().register_limit, 9000);
}

/// The vendor's answer is lost, and the product is shown for a while.
async fn deleting(scene: &Scene) {
    let (_, _operator) = scene.created(|_| {}).await;
    scene.world.admin().add_fault(Rule::on(DELETE, Fault::late(10_000)).times(1));
    scene.world.delete(Kind::Product, THERMOSTAT).await;
    scene.reached().await;
    scene.left().await;
}

async fn account_not_found(scene: &Scene) {
    let contract = scene.world.contract();
    let _operator = scene.world.operator().await;
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.world.apply(&contract.key).await;
    scene.world.apply(&contract.account).await;
    scene.left().await;
}

async fn account_not_allowed(scene: &Scene) {
    let (mut contract, _operator) = scene.begin(&[]).await;
    contract.product["spec"]["accountRef"] = json!({"kind": "ClusterIotAccount", "name": "shared"});
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.edit(json!({"accountRef": {"kind": "IotAccount", "name": TENCENT_ACCOUNT}})).await;
    scene.left().await;
}

/// An account that cannot do, and the right one under another name.
async fn another_account(scene: &Scene, wrong: impl FnOnce(&mut Contract)) {
    let mut contract = scene.world.contract();
    let mut right = contract.account.clone();
    right["metadata"]["name"] = json!("right");
    wrong(&mut contract);
    let _operator = scene.world.operator().await;
    scene.world.apply_all(&contract).await;
    scene.reached().await;
    scene.world.apply(&right).await;
    scene.edit(json!({"accountRef": {"name": "right"}})).await;
    scene.left().await;
}

async fn account_mismatch(scene: &Scene) {
    let alibaba = |contract: &mut Contract| {
        contract.account["spec"]["vendor"] = json!("AlibabaCloud");
        contract.account["spec"]["region"] = json!("cn-shanghai");
    };
    another_account(scene, alibaba).await;
}

async fn endpoint_misconfigured(scene: &Scene) {
    another_account(scene, |contract| contract.account["spec"]["region"] = json!("ap-nowhere")).await;
}

async fn endpoint_not_allowed(scene: &Scene) {
    another_account(scene, |contract| contract.account["spec"]["endpoint"] = json!("http://localhost:1"))
        .await;
}

async fn credentials_not_found(scene: &Scene) {
    let contract = scene.world.contract();
    let _operator = scene.world.operator().await;
    scene.world.apply(&contract.account).await;
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.world.apply(&contract.key).await;
    scene.left().await;
}

/// A fresh key may need to spread: product and account are stalled after two minutes.
async fn credentials_invalid(scene: &Scene) {
    let contract = scene.world.contract();
    let mut wrong = contract.clone();
    wrong.key["stringData"]["secretKey"] = json!("ANOTHERKEY");
    let _operator = scene.world.operator().await;
    scene.world.apply_all(&wrong).await;
    let first = scene.reached().await;
    let since = first.condition("Ready").unwrap()["lastTransitionTime"].clone();
    let long = Duration::from_mins(4);
    let stalled = scene.wait(long, "Stalled", |product| product.is("Stalled")).await;
    judge(&stalled, scene.state.reason, "False", true, "Failed");
    assert_eq!(stalled.condition("Ready").unwrap()["lastTransitionTime"], since, "the status did not flip");
    let account = scene
        .world
        .object_until(Kind::Account, TENCENT_ACCOUNT, "Stalled", long, |account| account.is("Stalled"))
        .await;
    judge(&account, scene.state.reason, "False", true, "Failed");
    scene.world.apply(&contract.key).await;
    scene.left().await;
}

/// The account is good, and the create goes wrong.
async fn refused_create(scene: &Scene, fault: Fault) {
    let (contract, _operator) = scene.begin(&[]).await;
    scene.world.admin().add_fault(Rule::on(CREATE, fault));
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.world.admin().clear_faults();
    scene.ask().await;
    scene.left().await;
}

async fn permission_denied(scene: &Scene) {
    refused_create(scene, Fault::error("AuthFailure.UnauthorizedOperation")).await;
}

async fn throttled(scene: &Scene) {
    refused_create(scene, Fault::Throttle).await;
}

async fn clock_skew(scene: &Scene) {
    refused_create(scene, Fault::error("AuthFailure.SignatureExpire")).await;
}

async fn invalid_spec(scene: &Scene) {
    refused_create(scene, Fault::error("InvalidParameterValue")).await;
}

async fn vendor_unavailable(scene: &Scene) {
    let contract = scene.world.contract();
    scene.world.admin().add_fault(Rule::any(Fault::status_before(500)));
    let _operator = scene.world.operator().await;
    scene.world.apply_all(&contract).await;
    scene.reached().await;
    scene.world.admin().clear_faults();
    scene.left().await;
}

async fn throttled_edit(scene: &Scene) {
    let (_, _operator) = scene.created(|_| {}).await;
    scene.world.admin().add_fault(Rule::on(REGISTRATION, Fault::Throttle));
    scene.edit(json!({"dynamicRegistration": {"limit": 9000}})).await;
    scene.reached().await;
    scene.world.admin().clear_faults();
    scene.left().await;
    assert_eq!(scene.world.only_product().register_limit, 9000);
}

async fn account_suspended(scene: &Scene) {
    let (contract, _operator) = scene.begin(&[]).await;
    scene.world.tencent().suspend(ACCOUNT, true).unwrap();
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.world.tencent().suspend(ACCOUNT, false).unwrap();
    scene.ask().await;
    scene.left().await;
}

async fn quota_exceeded(scene: &Scene) {
    let (contract, _operator) = scene.begin(&[]).await;
    scene.world.tencent().set_product_limit(ACCOUNT, 0).unwrap();
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.world.tencent().set_product_limit(ACCOUNT, 1).unwrap();
    scene.ask().await;
    scene.left().await;
}

async fn name_conflict(scene: &Scene) {
    let (contract, _operator) = scene.begin(&[]).await;
    let theirs = scene.world.tencent().create_product(ACCOUNT, Product::named(THERMOSTAT)).unwrap();
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.world.tencent().delete_product(ACCOUNT, &theirs.product_id).unwrap();
    scene.ask().await;
    scene.left().await;
}

/// Huawei never shows the password: the Secret has the only copy.
async fn secret_lost(scene: &Scene) {
    let contract = Contract::huawei(scene.world.namespace().name(), &scene.world.endpoint());
    scene.object.set("plc-gateway");
    let _operator = scene.world.operator().await;
    scene.world.apply_all(&contract).await;
    scene.world.product_until("plc-gateway", "Ready", PATIENCE, Object::is_available).await;
    scene.world.delete(Kind::Secret, "plc-gateway-credentials").await;
    scene.ask().await;
    scene.reached().await;
    let rotate = json!({"metadata": {"annotations": {"iot-products.io/rotate-password": "now"}}});
    scene.world.edit(Kind::Product, "plc-gateway", rotate).await;
    scene.left().await;
    assert!(scene.world.secret("plc-gateway-credentials").await.is_some());
}

async fn product_missing(scene: &Scene) {
    let (mut contract, _operator) = scene.begin(&[]).await;
    contract.product["spec"]["managementPolicy"] = json!("ObserveOnly");
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.world.tencent().create_product(ACCOUNT, Product::named(THERMOSTAT)).unwrap();
    scene.ask().await;
    scene.left().await;
}

async fn immutable_drift(scene: &Scene) {
    let (_, _operator) = scene.created(|_| {}).await;
    let id = scene.world.only_product().product_id;
    scene.world.behind_the_back(&id, |product| "renamed".clone_into(&mut product.product_name));
    scene.reached().await;
    scene.edit(json!({"name": "renamed"})).await;
    scene.left().await;
}

async fn deletion_blocked(scene: &Scene) {
    let (_, _operator) = scene.created(|_| {}).await;
    let id = scene.world.only_product().product_id;
    scene.world.tencent().set_devices(ACCOUNT, &id, 1).unwrap();
    scene.world.delete(Kind::Product, THERMOSTAT).await;
    scene.reached().await;
    scene.world.tencent().set_devices(ACCOUNT, &id, 0).unwrap();
    scene.ask().await;
    scene.left().await;
}

async fn secret_conflict(scene: &Scene) {
    let (contract, _operator) = scene.begin(&[]).await;
    let mut theirs = contract.key.clone();
    theirs["metadata"]["name"] = json!(CREDENTIALS);
    scene.world.apply(&theirs).await;
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.world.delete(Kind::Secret, CREDENTIALS).await;
    scene.ask().await;
    scene.left().await;
}

async fn suspended(scene: &Scene) {
    let (mut contract, _operator) = scene.begin(&[]).await;
    contract.product["spec"]["suspend"] = json!(true);
    scene.world.apply(&contract.product).await;
    scene.reached().await;
    scene.edit(json!({"suspend": false})).await;
    scene.left().await;
}
