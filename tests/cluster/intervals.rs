//! How often products are compared with the vendor: as their account says, or as they say themselves.

use serde_json::json;

use crate::manifest::{Contract, named};
use crate::object::Kind;
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{LIST, READ};
use crate::world::{PATIENCE, World};

tests!(Shared {
    a_product_is_compared_more_often_than_its_account_says,
    a_product_is_never_compared,
    a_product_asks_for_more_later,
    full_reads_come_at_turns_of_their_own,
});

const PATIENT: &str = "patient";
const EAGER: &str = "eager";

/// Two products, one with an interval of its own.
async fn begin(world: &World, account: &str, own: Option<&str>) -> Operator {
    let mut contract: Contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!(account);
    let operator = world.operator().await;
    world.connect(&contract).await;
    world.apply(&named(&contract.product, PATIENT)).await;
    let mut eager = named(&contract.product, EAGER);
    if let Some(own) = own {
        eager["spec"]["resyncInterval"] = json!(own);
    }
    world.apply(&eager).await;
    world.ready(PATIENT).await;
    world.ready(EAGER).await;
    operator
}

fn id(world: &World, name: &str) -> String {
    let products = world.products();
    products.into_iter().find(|product| product.product_name == name).unwrap().product_id
}

fn register_nobody(world: &World, name: &str) {
    world.behind_the_back(&id(world, name), |product| product.register_type = 0);
}

async fn register_again(world: &World, name: &str) {
    let id = id(world, name);
    let is =
        |product: &iot_simulator::tencent::Product| product.product_id == id && product.register_type == 2;
    world.vendor_until("registration as written", |products| products.iter().any(is)).await;
}

async fn a_product_is_compared_more_often_than_its_account_says(world: World) {
    let _operator = begin(&world, "0s", Some("1s")).await;
    register_nobody(&world, PATIENT);
    register_nobody(&world, EAGER);
    register_again(&world, EAGER).await;
    let products = world.products();
    let patient = products.iter().find(|product| product.product_name == PATIENT).unwrap();
    assert_eq!(patient.register_type, 0, "the account says never");
}

async fn a_product_is_never_compared(world: World) {
    let _operator = begin(&world, "1s", Some("0s")).await;
    register_nobody(&world, EAGER);
    register_nobody(&world, PATIENT);
    register_again(&world, PATIENT).await;
    let lists = world.calls(LIST).len();
    world
        .calls_until("two more lists", PATIENCE, |calls| {
            calls.iter().filter(|call| call.action == LIST && call.code.is_some()).count() >= lists + 2
        })
        .await;
    let products = world.products();
    let eager = products.iter().find(|product| product.product_name == EAGER).unwrap();
    assert_eq!(eager.register_type, 0, "the product says never");
}

async fn a_product_asks_for_more_later(world: World) {
    let _operator = begin(&world, "0s", None).await;
    register_nobody(&world, EAGER);
    world.edit(Kind::Product, EAGER, json!({"spec": {"resyncInterval": "1s"}})).await;
    register_again(&world, EAGER).await;
}

/// A list shows nothing of the limit, so each product is read, and none of them waits for a list.
async fn full_reads_come_at_turns_of_their_own(world: World) {
    let mut contract: Contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!("24h");
    contract.account["spec"]["fullReadInterval"] = json!("5s");
    let operator = world.operator().await;
    world.connect(&contract).await;
    for name in [PATIENT, EAGER] {
        world.apply(&named(&contract.product, name)).await;
        world.ready(name).await;
    }
    let (mark, lists) = (world.call_mark(), world.calls(LIST).len());
    let ids = [id(&world, PATIENT), id(&world, EAGER)];
    let reads = |calls: &[iot_simulator::Call], id: &String| {
        let of = |call: &&iot_simulator::Call| call.sequence >= mark && call.product_id.as_ref() == Some(id);
        calls.iter().filter(|call| call.action == READ).filter(of).count()
    };
    world
        .calls_until("two full reads of each", PATIENCE, |calls| ids.iter().all(|id| reads(calls, id) >= 2))
        .await;
    assert_eq!(world.calls(LIST).len(), lists, "no list brought them");
    drop(operator);
}
