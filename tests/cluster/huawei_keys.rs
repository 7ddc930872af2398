//! Keys and tokens at Huawei: a key is never locked by us, and a token is fetched once.

use std::time::Duration;

use iot_simulator::huawei::Key;
use serde_json::{Value, json};

use crate::huawei::{HUAWEI_ACCOUNT, RESET, actions, contract, products, ready, unshared};
use crate::manifest::{Contract, named};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::ACCOUNT;
use crate::world::{PATIENCE, World};

tests!(Shared {
    one_token_serves_ten_products_until_it_is_revoked,
    a_wrong_secret_never_locks_the_key_and_the_right_one_heals_all,
    a_rotated_key_heals_all,
    a_wrong_password_is_tried_once_and_the_right_one_heals_all,
});

const TOKEN: &str = "KeystoneCreateUserTokenByPassword";
const ACCESS_KEY: &str = "QTWAOYTTINDUT2QVKYUC";
/// A key that is put right is noticed within this.
const NOTICED: Duration = Duration::from_secs(40);

fn names() -> Vec<String> {
    (0..10).map(|number| format!("plc-{number}")).collect()
}

async fn apply_ten(world: &World, contract: &Contract) {
    world.apply(&contract.key).await;
    world.apply(&contract.account).await;
    for name in names() {
        world.apply(&named(&contract.product, &name)).await;
    }
}

async fn ten_ready(world: &World) {
    for name in names() {
        ready(world, &name).await;
    }
    assert_eq!(products(world).len(), 10);
}

fn by_password(contract: &mut Contract, endpoint: &str) {
    contract.account["spec"]["huawei"]["authentication"] = json!("Password");
    contract.account["spec"]["huawei"]["iamEndpoint"] = json!(endpoint);
    // The password itself is sent, so the Secret has to say that it may be.
    contract.key["metadata"]["labels"] = json!({"iot-products.io/credentials": "true"});
    contract.key["stringData"] =
        json!({"domainName": "acme", "userName": "iot-operator", "password": "Pa55-word-of-iam"});
}

async fn one_token_serves_ten_products_until_it_is_revoked(world: World) {
    let mut contract = contract(&world);
    by_password(&mut contract, &world.endpoint());
    let _operator = world.operator().await;
    apply_ten(&world, &contract).await;
    ten_ready(&world).await;
    let calls = [("CreateProduct", 10), ("ShowProduct", 10), (RESET, 10), (TOKEN, 1)];
    assert_eq!(unshared(&world, 0), actions(&calls));
    assert_eq!(world.admin().huawei().revoke_tokens(ACCOUNT).unwrap(), 1);
    for name in names() {
        world.edit(Kind::Product, &name, json!({"spec": {"description": "after the token"}})).await;
    }
    for name in names() {
        let (_, product) = ready(&world, &name).await;
        assert!(product.description.starts_with("after the token"), "{}", product.description);
    }
    assert_eq!(world.calls(TOKEN).len(), 2, "one new one for all");
    world.delete(Kind::Product, "plc-0").await;
    world.gone(Kind::Product, "plc-0", PATIENCE).await;
    assert_eq!((products(&world).len(), world.calls(TOKEN).len()), (9, 2));
}

fn key(secret_key: &str) -> Value {
    json!({"accessKey": ACCESS_KEY, "secretKey": secret_key})
}

async fn a_wrong_secret_never_locks_the_key_and_the_right_one_heals_all(world: World) {
    let contract = contract(&world);
    let mut wrong = contract.clone();
    wrong.key["stringData"] = key("notTheSecretKeyOfThisAccessKey0000000000");
    let _operator = world.operator().await;
    apply_ten(&world, &wrong).await;
    for name in names() {
        let object = world.reason(&name, "CredentialsInvalid").await;
        assert!(object.message().contains("Secret"), "{}", object.message());
    }
    let huawei = world.admin().huawei();
    assert!(!huawei.was_locked(ACCESS_KEY));
    assert!((1..=3).contains(&huawei.failures(ACCESS_KEY)), "{}", huawei.failures(ACCESS_KEY));
    assert_eq!(products(&world), []);
    world.apply(&contract.key).await;
    for name in names() {
        world.product_until(&name, "Ready with the right key", NOTICED, Object::is_available).await;
    }
    ten_ready(&world).await;
    assert!(!huawei.was_locked(ACCESS_KEY));
}

async fn a_rotated_key_heals_all(world: World) {
    let contract = contract(&world);
    let _operator = world.operator().await;
    apply_ten(&world, &contract).await;
    ten_ready(&world).await;
    let fresh = Key::new("ROTATEDTTINDUT2QVKYU", "rotatedSecretKey000000000000000000000000");
    let huawei = world.admin().huawei();
    huawei.set_keys(ACCOUNT, vec![fresh.clone()]).unwrap();
    for name in names() {
        world.edit(Kind::Product, &name, json!({"spec": {"description": "with the new key"}})).await;
    }
    for name in names() {
        world.reason(&name, "CredentialsInvalid").await;
    }
    assert!(!huawei.was_locked(ACCESS_KEY) && huawei.failures(ACCESS_KEY) <= 3);
    let patch = json!({"stringData": {"accessKey": fresh.access_key, "secretKey": fresh.secret_key}});
    world.edit(Kind::Secret, "huawei-key", patch).await;
    world.object_until(Kind::Account, HUAWEI_ACCOUNT, "Ready", NOTICED, Object::is_available).await;
    for name in names() {
        world.product_until(&name, "Ready with the new key", NOTICED, Object::is_available).await;
        let (_, product) = ready(&world, &name).await;
        assert!(product.description.starts_with("with the new key"), "{}", product.description);
        assert_eq!(product.password_changes, 1, "nobody's password is touched");
    }
}

/// Refused logins lock the user, so products do not try one by one.
async fn a_wrong_password_is_tried_once_and_the_right_one_heals_all(world: World) {
    let mut contract = contract(&world);
    by_password(&mut contract, &world.endpoint());
    let mut wrong = contract.clone();
    wrong.key["stringData"]["password"] = json!("Another-word-of-iam");
    let _operator = world.operator().await;
    apply_ten(&world, &wrong).await;
    for name in names() {
        world.reason(&name, "CredentialsInvalid").await;
    }
    assert_eq!(unshared(&world, 0), actions(&[(TOKEN, 1)]));
    world.apply(&contract.key).await;
    for name in names() {
        world.product_until(&name, "Ready with the right password", NOTICED, Object::is_available).await;
    }
    ten_ready(&world).await;
    assert_eq!(world.calls(TOKEN).len(), 2);
}
