//! The states of an account.

use iot_simulator::{Fault, Rule};
use serde_json::json;

use super::{Scene, states};
use crate::manifest::{TENCENT_ACCOUNT, THERMOSTAT, named};
use crate::object::{Kind, Object};
use crate::vendor::{ACCOUNT, LIST};
use crate::world::PATIENCE;

states!(Account {
    available: Available True passes Current,
    credentials_not_found: CredentialsNotFound False passes InProgress,
    credentials_invalid: CredentialsInvalid False passes InProgress,
    permission_denied: PermissionDenied False passes InProgress,
    account_suspended: AccountSuspended False passes InProgress,
    endpoint_misconfigured: EndpointMisconfigured False passes InProgress,
    endpoint_not_allowed: EndpointNotAllowed False stalls Failed,
    throttled: Throttled False passes InProgress,
    vendor_unavailable: VendorUnavailable False passes InProgress,
    clock_skew: ClockSkew False passes InProgress,
    mass_loss: MassLoss False stalls Failed,
    in_use: InUse False passes Terminating,
});

async fn available(scene: &Scene) {
    let (_, _operator) = scene.begin(&[]).await;
    scene.reached().await;
    scene.world.delete(Kind::Account, TENCENT_ACCOUNT).await;
    scene.world.gone(Kind::Account, TENCENT_ACCOUNT, PATIENCE).await;
}

async fn credentials_not_found(scene: &Scene) {
    let contract = scene.world.contract();
    let _operator = scene.world.operator().await;
    scene.world.apply(&contract.account).await;
    scene.reached().await;
    scene.world.apply(&contract.key).await;
    scene.left().await;
}

async fn credentials_invalid(scene: &Scene) {
    let contract = scene.world.contract();
    let mut wrong = contract.clone();
    wrong.key["stringData"]["secretKey"] = json!("ANOTHERKEY");
    let _operator = scene.world.operator().await;
    scene.world.apply(&wrong.key).await;
    scene.world.apply(&contract.account).await;
    scene.reached().await;
    scene.world.apply(&contract.key).await;
    scene.left().await;
}

/// A list that goes wrong, and then a list that is asked for.
async fn refused(scene: &Scene, fault: Fault) {
    let contract = scene.world.contract();
    scene.world.admin().add_fault(Rule::on(LIST, fault));
    let _operator = scene.world.operator().await;
    scene.world.apply(&contract.key).await;
    scene.world.apply(&contract.account).await;
    scene.reached().await;
    scene.world.admin().clear_faults();
    scene.ask().await;
    scene.left().await;
}

async fn permission_denied(scene: &Scene) {
    refused(scene, Fault::error("AuthFailure.UnauthorizedOperation")).await;
}

async fn account_suspended(scene: &Scene) {
    refused(scene, Fault::error("FailedOperation.AccountIsolated")).await;
}

async fn endpoint_misconfigured(scene: &Scene) {
    refused(scene, Fault::error("UnsupportedRegion")).await;
}

async fn endpoint_not_allowed(scene: &Scene) {
    let mut contract = scene.world.contract();
    let right = contract.account["spec"]["endpoint"].clone();
    contract.account["spec"]["endpoint"] = json!("http://localhost:1");
    let _operator = scene.world.operator().await;
    scene.world.apply(&contract.key).await;
    scene.world.apply(&contract.account).await;
    scene.reached().await;
    scene.edit(json!({"endpoint": right})).await;
    scene.left().await;
}

async fn throttled(scene: &Scene) {
    refused(scene, Fault::Throttle).await;
}

async fn vendor_unavailable(scene: &Scene) {
    refused(scene, Fault::status_before(500)).await;
}

async fn clock_skew(scene: &Scene) {
    refused(scene, Fault::error("AuthFailure.SignatureExpire")).await;
}

async fn mass_loss(scene: &Scene) {
    let (contract, _operator) = scene.created(|_| {}).await;
    for lamp in ["lamp-1", "lamp-2", "lamp-3"] {
        scene.world.apply(&named(&contract.product, lamp)).await;
        scene.world.ready(lamp).await;
    }
    scene.world.tencent().delete_all_products(ACCOUNT).unwrap();
    scene.reached().await;
    let annotations = json!({"iot-products.io/confirm-missing": "4"});
    scene.world.edit(Kind::Account, TENCENT_ACCOUNT, json!({"metadata": {"annotations": annotations}})).await;
    scene.left().await;
    let anew = |product: &Object| !product.text("/status/previousProductId").is_empty();
    scene.world.product_until(THERMOSTAT, "created anew", PATIENCE, anew).await;
}

async fn in_use(scene: &Scene) {
    let (_, _operator) = scene.created(|_| {}).await;
    scene.world.delete(Kind::Account, TENCENT_ACCOUNT).await;
    scene.reached().await;
    scene.world.delete(Kind::Product, THERMOSTAT).await;
    scene.left().await;
}
