//! The API server dies for a while: nothing is lost and nothing needs a restart.

use serde_json::json;
use tokio::time::sleep;

use iot_test_harness::Program;

use crate::manifest::{THERMOSTAT, named};
use crate::object::{Kind, Object};
use crate::quiet::seconds;
use crate::session::tests;
use crate::vendor::{CREATE, DELETE};
use crate::world::{PATIENCE, World};

tests!(Own { the_api_server_is_away_for_a_while, the_store_of_the_api_server_hangs });

async fn the_api_server_is_away_for_a_while(world: World) {
    let away = seconds("OUTAGE_SECONDS", 10);
    let mut contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!("1s");
    let mut operator = world.operator().await;
    world.apply_all(&contract).await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    world.apply(&named(&contract.product, "leaving")).await;
    world.ready("leaving").await;

    world.plane().stop(Program::Apiserver).expect("the API server stops");
    // Nothing but time makes an outage long.
    sleep(away).await;
    assert_eq!(operator.ended(), None, "it waits");
    world.plane().start_again(Program::Apiserver).expect("the API server starts");

    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"dynamicRegistration": {"limit": 6000}}})).await;
    world.delete(Kind::Product, "leaving").await;
    world.apply(&named(&contract.product, "coming")).await;
    let object = world.product_until(THERMOSTAT, "the edit", PATIENCE * 2, Object::is_available).await;
    assert_eq!(world.agreed(&object).await.product_id, product.product_id);
    assert_eq!(world.tencent().product("default", &product.product_id).unwrap().register_limit, 6000);
    world.gone(Kind::Product, "leaving", PATIENCE).await;
    world.ready("coming").await;
    assert_eq!(world.products().len(), 2);
    assert_eq!((world.calls(CREATE).len(), world.calls(DELETE).len()), (3, 1));
    assert_eq!(operator.ended(), None, "no restart was needed");
    assert_eq!(operator.health("/livez").await.unwrap(), 200);
}

/// Its connections stay open and nothing is answered.
async fn the_store_of_the_api_server_hangs(world: World) {
    let contract = world.contract();
    let mut operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    world.plane().pause(Program::Etcd).expect("etcd freezes");
    sleep(seconds("OUTAGE_SECONDS", 10)).await;
    world.plane().resume(Program::Etcd).expect("etcd goes on");
    world.product_until(THERMOSTAT, "to be readable again", PATIENCE, Object::is_available).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"dynamicRegistration": {"limit": 6000}}})).await;
    world.product_until(THERMOSTAT, "the edit", PATIENCE * 2, Object::is_available).await;
    assert_eq!(world.only_product().register_limit, 6000);
    assert_eq!(operator.ended(), None, "no restart was needed");
}
