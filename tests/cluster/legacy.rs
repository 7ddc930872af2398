//! A vendor that has lists alone: nothing is created or forgotten because one of them lacks a product, and
//! what is deleted is gone.

use iot_simulator::tencent::Product;
use iot_simulator::{Call, Fault, Rule, TencentAdmin};
use serde_json::json;

use crate::manifest::{Contract, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::world::{PATIENCE, World};

tests!(Shared {
    created_and_deleted,
    deleted_while_lists_lag,
    deleted_at_the_vendor_alone,
    lists_that_lag_lose_nothing,
    restarted_before_the_first_status,
    cut_create,
    cut_delete,
});

const LIST: &str = "ListProducts";
/// Two lists prove an absence at this distance.
const APART_MS: i64 = 10_000;

fn contract(world: &World) -> Contract {
    let mut contract = world.contract();
    contract.account["spec"]["vendor"] = json!("TencentCloudLegacy");
    contract.account["spec"].as_object_mut().unwrap().remove("region");
    let spec = contract.product["spec"].as_object_mut().unwrap();
    spec.insert("vendor".to_owned(), json!("TencentCloudLegacy"));
    for field in ["dynamicRegistration", "enabled", "nodeType", "tencent"] {
        spec.remove(field);
    }
    contract
}

fn vendor(world: &World) -> TencentAdmin {
    world.admin().tencent_legacy()
}

fn products(world: &World) -> Vec<Product> {
    vendor(world).products("legacy").unwrap()
}

async fn begin(world: &World) -> (Contract, Operator) {
    let contract = contract(world);
    let operator = world.operator().await;
    world.connect(&contract).await;
    (contract, operator)
}

async fn ready(world: &World) -> Object {
    let object = world.product_until(THERMOSTAT, "Ready", PATIENCE * 3, Object::is_available).await;
    let product = vendor(world).product("legacy", object.id().unwrap()).unwrap();
    assert_eq!(object.text("/status/productName"), product.product_name);
    let (_, data) = world.secret("thermostat-credentials").await.unwrap();
    assert_eq!(data["vendor"], "TencentCloudLegacy");
    assert_eq!((&data["productId"], &data["region"]), (&product.product_id, &"gz".to_owned()));
    assert!(!data.contains_key("productSecret"));
    object
}

fn lists(calls: &[Call]) -> Vec<i64> {
    calls.iter().filter(|call| call.action == LIST).map(|call| call.time_ms).collect()
}

async fn created_and_deleted(world: World) {
    let (contract, _operator) = begin(&world).await;
    let mark = world.call_mark();
    world.apply(&contract.product).await;
    ready(&world).await;
    let made = world.calls_since(mark);
    assert_eq!((made.len(), made.get("CreateProduct")), (1, Some(&1)), "{made:?}");
    let mark = world.call_mark();
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(products(&world), []);
    assert!(world.secret("thermostat-credentials").await.is_none());
    let made = world.calls_since(mark);
    assert_eq!((made["ListDevices"], made["DeleteProduct"], made[LIST]), (1, 1, 2), "{made:?}");
    let lists = lists(&world.admin().calls_since(mark));
    assert!(lists[1] - lists[0] >= APART_MS, "{lists:?}");
}

async fn deleted_while_lists_lag(world: World) {
    let (contract, _operator) = begin(&world).await;
    world.admin().edit_settings(|settings| settings.list_lag_ms = 12_000);
    world.apply(&contract.product).await;
    ready(&world).await;
    // No list shows the product yet, and then lists show it that is gone already.
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE * 2).await;
    assert_eq!(products(&world), []);
    assert_eq!(world.calls("DeleteProduct").len(), 1);
}

async fn deleted_at_the_vendor_alone(world: World) {
    let (contract, _operator) = begin(&world).await;
    world.apply(&contract.product).await;
    let object = ready(&world).await;
    let id = object.id().unwrap().to_owned();
    vendor(&world).delete_product("legacy", &id).unwrap();
    let mark = world.call_mark();
    // Lists may lag behind a creation for a minute; what they lack is believed after that.
    world.ask_for_check(THERMOSTAT).await;
    world
        .product_until(THERMOSTAT, "another product", PATIENCE * 2, |o| o.id().is_some_and(|new| new != id))
        .await;
    ready(&world).await;
    assert_eq!(products(&world).len(), 1);
    let lists = lists(&world.admin().calls_since(mark));
    assert!(lists.len() >= 2 && lists[1] - lists[0] >= APART_MS, "{lists:?}");
}

async fn lists_that_lag_lose_nothing(world: World) {
    let (contract, _operator) = begin(&world).await;
    world.admin().edit_settings(|settings| settings.list_lag_ms = 25_000);
    world.apply(&contract.product).await;
    let id = ready(&world).await.id().unwrap().to_owned();
    world.check_now(THERMOSTAT).await;
    let object = ready(&world).await;
    assert_eq!(object.id(), Some(id.as_str()));
    assert_eq!(world.calls("CreateProduct").len(), 1);
    assert!(lists(&world.admin().calls()).len() > 2, "lists lacked it");
}

/// The id is recorded, and nothing else is known of the product.
async fn restarted_before_the_first_status(world: World) {
    let (contract, mut operator) = begin(&world).await;
    world.apply(&contract.product).await;
    let object = ready(&world).await;
    operator.crash();
    let status = json!({"status": {"observed": null, "conditions": null, "secretRef": null}});
    world.kubectl(
        &[
            "patch",
            "iotproduct",
            THERMOSTAT,
            "--subresource=status",
            "--type=merge",
            "-p",
            &status.to_string(),
        ],
        "",
    );
    world.admin().edit_settings(|settings| settings.list_lag_ms = 25_000);
    let _operator = world.operator().await;
    let again = ready(&world).await;
    assert_eq!(again.id(), object.id());
    assert_eq!(world.calls("CreateProduct").len(), 1);
}

async fn cut_create(world: World) {
    let (contract, _operator) = begin(&world).await;
    world.admin().add_fault(Rule::on("CreateProduct", Fault::drop_after()).times(1));
    world.apply(&contract.product).await;
    ready(&world).await;
    assert_eq!(products(&world).len(), 1);
    assert_eq!(world.calls("CreateProduct").iter().filter(|call| call.applied).count(), 1);
}

async fn cut_delete(world: World) {
    let (contract, _operator) = begin(&world).await;
    world.apply(&contract.product).await;
    ready(&world).await;
    world.admin().add_fault(Rule::on("DeleteProduct", Fault::drop_after()).times(1));
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(products(&world), []);
    world.delete(Kind::Account, TENCENT_ACCOUNT).await;
    world.gone(Kind::Account, TENCENT_ACCOUNT, PATIENCE).await;
}
