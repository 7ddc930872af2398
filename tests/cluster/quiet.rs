//! An operator at rest writes nothing and asks the vendor only what the resync asks.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::manifest::{Contract, TENCENT_ACCOUNT, named};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::side::{SIDES, Side};
use crate::vendor::{LIST, READ};
use crate::world::{PATIENCE, World, in_short};

tests!(Shared { idle, idle_at_all_vendors, the_first_full_read_writes_nothing, a_restart_writes_nothing });

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

/// How often lists come where all vendors are watched.
const RESYNC: u64 = 10;

/// So many products each at all vendors, Ready and counted. Tells how many in all.
async fn settle_everywhere(world: &World, each: usize, full_read: u64) -> usize {
    let mut applied = Vec::new();
    for side in SIDES {
        let mut contract = side.contract(world);
        contract.account["spec"]["resyncInterval"] = json!(format!("{RESYNC}s"));
        contract.account["spec"]["fullReadInterval"] = json!(format!("{full_read}s"));
        world.apply(&contract.key).await;
        world.apply(&contract.account).await;
        for number in 0..each {
            let name = format!("{}-{number}", side.name().to_lowercase());
            world.apply(&side.another(&contract, &name)).await;
            applied.push(name);
        }
    }
    for name in &applied {
        world.product_until(name, "Ready", PATIENCE * 3, Object::is_available).await;
    }
    for account in ["tencent", "tencent-legacy", "alibaba", "huawei"] {
        let counted = |account: &Object| account.0["status"]["products"]["managed"] == json!(each);
        world.object_until(Kind::Account, account, "its counts", PATIENCE, counted).await;
    }
    applied.len()
}

/// What `docs/operations.md` says of the calls at rest, with full reads, and not one write.
async fn idle_at_all_vendors(world: World) {
    let watched = seconds("IDLE_SECONDS", 40);
    let each: usize = std::env::var("IDLE_PRODUCTS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let full_read = watched.as_secs() / 2;
    let lease = [("leader-elect", "true"), ("lease-namespace", world.namespace().name())];
    let _operator = world.operator_with(&lease).await;
    let products = settle_everywhere(&world, each, full_read).await;
    let (calls, writes) = (world.call_mark(), world.audit_mark());
    let begun = Instant::now();
    // What is watched for is that nothing happens, for which there is no condition.
    tokio::time::sleep(watched).await;
    let passed = begun.elapsed().as_secs();
    let made = world.admin().calls_since(calls);
    let writes = in_short(&world.writes_since(writes).await);
    assert_eq!(writes, Vec::<String>::new(), "writes in {passed} s without a change");
    let mut explained = 0;
    for side in SIDES {
        let account = if side == Side::Legacy { "legacy" } else { "default" };
        let of = |action: &str| {
            made.iter().filter(|call| call.action == action && call.account == account).count()
        };
        let (list, page) = side.list();
        let lists = usize::try_from(passed / RESYNC).unwrap() * each.div_ceil(page);
        let slack = each.div_ceil(page);
        assert!(
            (lists - slack..=lists + slack).contains(&of(list)),
            "{side:?}: {} lists for {lists}",
            of(list)
        );
        explained += of(list);
        for action in side.full_read() {
            let reads = each * usize::try_from(passed / full_read).unwrap();
            assert!(
                (reads - each..=reads + each).contains(&of(action)),
                "{action}: {} for {reads}",
                of(action)
            );
            explained += of(action);
        }
    }
    assert_eq!(explained, made.len(), "{:?}", world.calls_since(calls));
    eprintln!("{products} products, {passed} s: {:?}", world.calls_since(calls));
}

/// What a create's answer does not show is assumed as documented, and the first read finds it so.
async fn the_first_full_read_writes_nothing(world: World) {
    let _operator = world.operator().await;
    for side in [Side::Tencent, Side::Alibaba] {
        let mut contract = side.contract(&world);
        contract.account["spec"]["resyncInterval"] = json!("1s");
        contract.account["spec"]["fullReadInterval"] = json!("8s");
        world.apply_all(&contract).await;
        let name = contract.product["metadata"]["name"].as_str().unwrap();
        let (before, _) = side.agreed(&world, name).await;
        let (calls, action) = (world.call_mark(), side.full_read()[0]);
        let read = |all: &[iot_simulator::Call]| {
            all.iter().any(|call| call.sequence >= calls && call.action == action && call.code.is_some())
        };
        world.calls_until("a full read", PATIENCE, read).await;
        let (calls, list) = (world.call_mark(), side.list().0);
        let listed = |all: &[iot_simulator::Call]| {
            all.iter().filter(|call| call.sequence >= calls && call.action == list).count() >= 2
        };
        world.calls_until("two lists after it", PATIENCE, listed).await;
        let now = world.get(Kind::Product, name).await.unwrap();
        assert_eq!(now.0["status"], before.0["status"], "{side:?}");
        assert_ne!(now.text("/status/createdAt"), "");
        assert_eq!(now.text("/metadata/resourceVersion"), before.text("/metadata/resourceVersion"));
    }
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
