//! An operator at rest writes nothing and asks the vendor only what the resync asks.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::manifest::{Contract, TENCENT_ACCOUNT, named};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::{LIST, READ};
use crate::world::{PATIENCE, World, in_short};

tests!(Shared { idle, a_restart_writes_nothing });

const PRODUCTS: usize = 5;

/// Seconds to watch, from the environment.
pub(crate) fn seconds(variable: &str, default: u64) -> Duration {
    let asked = std::env::var(variable).ok();
    let parse = |text: String| text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}"));
    Duration::from_secs(asked.map_or(default, parse))
}

/// Products that are Ready, on an account that has counted them.
async fn settle(world: &World, contract: &Contract) -> Vec<Object> {
    let mut products = Vec::new();
    world.connect(contract).await;
    for number in 0..PRODUCTS {
        world.apply(&named(&contract.product, &format!("lamp-{number}"))).await;
    }
    for number in 0..PRODUCTS {
        products.push(world.ready(&format!("lamp-{number}")).await.0);
    }
    // The counts are written at most every thirty seconds, so they may come late.
    let counted = |account: &Object| account.0["status"]["products"]["managed"] == json!(PRODUCTS);
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "its counts", PATIENCE, counted).await;
    products
}

async fn idle(world: World) {
    let watched = seconds("IDLE_SECONDS", 30);
    // As the full proof asks for when it watches for minutes; a shorter look is given some resyncs, too.
    let resync = if watched >= Duration::from_mins(2) { 30 } else { 5 };
    let mut contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!(format!("{resync}s"));
    // Its turns may fall into the time that is watched.
    contract.account["spec"]["fullReadInterval"] = json!("0s");
    let lease = [("leader-elect", "true"), ("lease-namespace", world.namespace().name())];
    let mut operator = world.operator_with(&lease).await;
    let before = settle(&world, &contract).await;
    let (calls, writes) = (world.call_mark(), world.audit_mark());
    let begun = Instant::now();
    // What is watched for is that nothing happens, for which there is no condition.
    tokio::time::sleep(watched).await;
    let passed = begun.elapsed().as_secs();

    let writes = in_short(&world.writes_since(writes).await);
    assert_eq!(writes, Vec::<String>::new(), "writes in {passed} s without a change");
    let made = world.calls_since(calls);
    let lists = made.get(LIST).copied().unwrap_or_default() as u64;
    assert_eq!(made.keys().collect::<Vec<_>>(), [LIST]);
    let expected = passed / resync;
    assert!((expected.saturating_sub(1)..=expected + 1).contains(&lists), "{lists} lists in {passed} s");
    for product in before {
        let name = product.text("/metadata/name");
        let now = world.get(Kind::Product, name).await.unwrap();
        assert_eq!(
            now.text("/metadata/resourceVersion"),
            product.text("/metadata/resourceVersion"),
            "{name}"
        );
    }
    assert_eq!(operator.ended(), None);
}

async fn a_restart_writes_nothing(world: World) {
    let contract = world.contract();
    let mut operator = world.operator().await;
    settle(&world, &contract).await;
    operator.terminate();
    assert!(operator.end(PATIENCE).await.success());
    let (calls, writes) = (world.call_mark(), world.audit_mark());
    let _next = world.operator().await;
    world
        .calls_until("the account's list", PATIENCE, |all| {
            all.iter().any(|call| call.sequence >= calls && call.action == LIST && call.code.is_some())
        })
        .await;
    // An edit goes first and is answered last of all that the restart may have brought up.
    world.edit(Kind::Product, "lamp-0", json!({"spec": {"deletionPolicy": "Retain"}})).await;
    world.product_until("lamp-0", "the edit", PATIENCE, Object::is_available).await;
    let writes = in_short(&world.writes_since(writes).await);
    assert_eq!(writes, ["patch iotproducts/status lamp-0"]);
    let made = world.calls_since(calls);
    assert_eq!(made.get(READ), None, "one list, not a read per product: {made:?}");
    assert_eq!(made.keys().collect::<Vec<_>>(), [LIST]);
}
