//! `managementPolicy: ObserveOnly` of somebody else's product: what may be seen of it, and how it becomes ours.

use iot_simulator::tencent::Product;
use serde_json::json;

use crate::manifest::{CREDENTIALS, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{ACCOUNT, DELETE, REGISTRATION};
use crate::world::{PATIENCE, World};

tests!(Shared {
    its_secret_is_shown_to_nobody_who_may_not_take_it,
    it_is_managed_only_if_the_account_allows_it,
    it_is_managed_once_the_account_allows_it,
});

/// An account that lets nothing be taken over, and a product of somebody's that is watched.
async fn watched(world: &World) -> (Operator, Product) {
    let theirs = world.tencent().create_product(ACCOUNT, Product::named(THERMOSTAT)).unwrap();
    let mut contract = world.contract();
    contract.account["spec"]["adoption"] = json!("None");
    contract.product["spec"]["managementPolicy"] = json!("ObserveOnly");
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    let operator = world.operator_with(&[("secret-check-interval", "1s")]).await;
    world.connect(&contract).await;
    world.apply(&contract.product).await;
    let object = world.product_until(THERMOSTAT, "Ready", PATIENCE, Object::is_available).await;
    assert_eq!(object.id(), Some(theirs.product_id.as_str()));
    (operator, theirs)
}

async fn edited(world: &World, limit: u32) -> Object {
    let spec = json!({"spec": {"dynamicRegistration": {"limit": limit}}});
    world.edit(Kind::Product, THERMOSTAT, spec).await;
    world.product_until(THERMOSTAT, "the edit seen", PATIENCE, Object::is_current).await
}

/// Whatever asks for a visit: an edit, the Secret's turn, a check.
async fn its_secret_is_shown_to_nobody_who_may_not_take_it(world: World) {
    let (_operator, theirs) = watched(&world).await;
    for limit in [6000, 7000] {
        edited(&world, limit).await;
        world.check_now(THERMOSTAT).await;
    }
    assert!(world.secret(CREDENTIALS).await.is_none());
    assert_eq!(world.only_product(), theirs);
}

async fn it_is_managed_only_if_the_account_allows_it(world: World) {
    let (_operator, theirs) = watched(&world).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"managementPolicy": "Full"}})).await;
    let object = world.reason(THERMOSTAT, "NameConflict").await;
    assert!(object.is("Stalled") && object.message().contains("adoption"), "{}", object.brief());
    assert!(world.secret(CREDENTIALS).await.is_none());
    edited(&world, 6000).await;
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.only_product(), theirs, "neither changed nor deleted");
    assert!(world.calls(REGISTRATION).is_empty() && world.calls(DELETE).is_empty());
}

async fn it_is_managed_once_the_account_allows_it(world: World) {
    let (_operator, theirs) = watched(&world).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"managementPolicy": "Full"}})).await;
    world.reason(THERMOSTAT, "NameConflict").await;
    world.edit(Kind::Account, TENCENT_ACCOUNT, json!({"spec": {"adoption": "Unmarked"}})).await;
    world.ask_for_check(THERMOSTAT).await;
    world
        .vendor_until("what the manifest says", |products| {
            products[0].product_id == theirs.product_id && products[0].register_limit == 5000
        })
        .await;
    // Its encryption is another one.
    world.reason(THERMOSTAT, "ImmutableDrift").await;
    assert!(world.secret(CREDENTIALS).await.is_some());
}
