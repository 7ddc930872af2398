//! The account's own status and what it holds.

use iot_simulator::tencent::{AccountConfig, Key, Product};
use iot_simulator::{Fault, Rule};
use serde_json::json;

use crate::manifest::{KEY, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::{ACCOUNT, LIST};
use crate::world::{PATIENCE, World};

tests!(Shared {
    counts_its_products,
    rotation_in_place,
    rotation_by_delete_and_create,
    another_secret_is_named,
    trouble_of_one_account_is_not_anothers,
});

async fn counts_its_products(world: World) {
    let mut contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!("1s");
    world.tencent().create_product(ACCOUNT, Product::named("theirs")).unwrap();
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.ready(THERMOSTAT).await;
    let counted = |account: &Object| {
        account.0["status"]["products"] == json!({"managed": 1, "total": 2, "unmanaged": 1})
    };
    let account = world.object_until(Kind::Account, TENCENT_ACCOUNT, "its counts", PATIENCE, counted).await;
    let held = &account.0["status"]["heldSecrets"];
    assert_eq!(held, &json!([{"namespace": world.namespace().name(), "name": KEY}]));
}

/// The next call is signed with the new key.
async fn rotation_in_place(world: World) {
    let mut contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!("1s");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    world.tencent().set_keys(ACCOUNT, vec![Key::new("AKIDNEXT", "NEXTKEY")]).unwrap();
    let refused = |account: &Object| account.reason() == "CredentialsInvalid";
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "the old key refused", PATIENCE, refused).await;
    let product = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    assert!(product.is_available(), "a read that fails leaves a product as it is: {}", product.brief());
    contract.key["stringData"] = json!({"secretId": "AKIDNEXT", "secretKey": "NEXTKEY"});
    world.apply(&contract.key).await;
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "Ready again", PATIENCE, Object::is_available).await;
    let object = world.check_now(THERMOSTAT).await;
    assert!(object.is_available(), "{}", object.brief());
}

/// The Secret is let go at once when it is deleted alone.
async fn rotation_by_delete_and_create(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    world.delete(Kind::Secret, KEY).await;
    world.gone(Kind::Secret, KEY, PATIENCE).await;
    world.apply(&contract.key).await;
    world
        .object_until(Kind::Secret, KEY, "held again", PATIENCE, |key| {
            key.finalizers() == ["iot-products.io/in-use"]
        })
        .await;
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "Ready", PATIENCE, Object::is_available).await;
    let object = world.check_now(THERMOSTAT).await;
    assert!(object.is_available(), "{}", object.brief());
}

async fn another_secret_is_named(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    let mut next = contract.clone();
    next.key["metadata"]["name"] = json!("next-key");
    world.apply(&next.key).await;
    next.account["spec"]["credentials"]["secretRef"]["name"] = json!("next-key");
    world.apply(&next.account).await;
    for (name, finalizers) in [("next-key", vec!["iot-products.io/in-use"]), (KEY, vec![])] {
        world
            .object_until(Kind::Secret, name, "held as it should be", PATIENCE, |key| {
                key.finalizers() == finalizers
            })
            .await;
    }
}

async fn trouble_of_one_account_is_not_anothers(world: World) {
    world.tencent().put_account(AccountConfig::new("other", "AKIDOTHER", "OTHERKEY"));
    let contract = world.contract();
    let mut other = world.contract();
    other.key["metadata"]["name"] = json!("other-key");
    other.key["stringData"] = json!({"secretId": "AKIDOTHER", "secretKey": "OTHERKEY"});
    other.account["metadata"]["name"] = json!("other");
    other.account["spec"]["credentials"]["secretRef"]["name"] = json!("other-key");
    other.product["metadata"]["name"] = json!("other");
    other.product["spec"]["accountRef"]["name"] = json!("other");
    world.admin().add_fault(Rule::any(Fault::hang()).account("other"));
    let _operator = world.operator_with(&[("max-concurrent-reconciles", "2")]).await;
    world.apply_all(&other).await;
    world
        .calls_until("the other account to hang", PATIENCE, |calls| {
            calls.iter().any(|call| call.action == LIST && call.account == "other")
        })
        .await;
    world.apply_all(&contract).await;
    world.ready(THERMOSTAT).await;
    world.admin().clear_faults();
    world.admin().release_all();
    world.product_until("other", "Ready", PATIENCE * 2, Object::is_available).await;
}
