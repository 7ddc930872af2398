//! Objects as large as the API server takes them, and intervals as short.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::iter;
use iot_test_harness::manifest::named;
use iot_test_harness::{Kind, Object};
use serde_json::json;

use crate::memory;
use crate::session::attacks;
use crate::tenant::name;
use crate::world::World;

attacks!(
    Shared {
        a_bundle_of_certificates_has_a_bound,
        annotations_of_others_are_not_kept,
    }
    Own {
        a_short_interval_costs_a_shared_account_nothing,
    }
);

/// Of annotations and of a bundle, in bytes. The API server takes 256 KiB of annotations; the rest is in a field.
const ANNOTATIONS: usize = 250_000;
const BUNDLE: usize = 196_000;
/// Products with so large annotations.
const PRODUCTS: usize = 150;
/// What they may cost at the most, while a list of them is read included, in MiB.
const MORE: u64 = 48;

fn refused(result: Result<Object, kube::Error>, what: &str) {
    match result {
        Err(kube::Error::Api(status)) if status.code == 422 => {}
        other => panic!("{what}: {other:?}"),
    }
}

async fn a_bundle_of_certificates_has_a_bound(world: Arc<World>) {
    let contract = world.tencent();
    let mut account = contract.account.clone();
    account["spec"]["caBundle"] = json!("QUFB".repeat(BUNDLE / 4));
    refused(world.mallory.try_apply(&account).await, "a bundle of 196 kB");
    // As many certificates as a proxy has fit.
    account["spec"]["caBundle"] = json!("QUFB".repeat(16_000 / 4));
    account["spec"]["endpoint"] = json!("https://127.0.0.1:1");
    world.mallory.try_apply(&account).await.expect("a bundle of 16 kB");
}

async fn annotations_of_others_are_not_kept(world: Arc<World>) {
    let contract = world.tencent();
    let operator = world.operator(&[]).await;
    let before = memory::peak(&operator);
    let apply = |number: usize| {
        let mut product = named(&contract.product, &format!("large-{number}"));
        product["spec"]["suspend"] = json!(true);
        product["metadata"]["annotations"] = json!({"example.com/large": "x".repeat(ANNOTATIONS)});
        let world = &world;
        async move {
            let mut applied = world.mallory.try_apply(&product).await;
            // Server-side apply has a smaller bound when the fields' managers are large; a label makes it new.
            for _ in 0..2 {
                if applied.is_ok() {
                    return;
                }
                applied = world.mallory.try_apply(&product).await;
            }
            applied.expect("a large product");
        }
    };
    iter(0..PRODUCTS).map(apply).buffer_unordered(4).collect::<Vec<_>>().await;
    for number in [0, PRODUCTS - 1] {
        world.mallory.reason(Kind::Product, &format!("large-{number}"), "Suspended").await;
    }
    let live = memory::peak(&operator);
    drop(operator);
    let operator = world.operator(&[]).await;
    world.mallory.edit(Kind::Product, "large-0", json!({"spec": {"description": "seen"}})).await;
    world.mallory.until(Kind::Product, "large-0", "the edit seen", Object::is_current).await;
    let restarted = memory::peak(&operator);
    let most = before + MORE;
    assert!(
        live <= most && restarted <= most,
        "{before} MiB without, {live} MiB with, {restarted} MiB after a start"
    );
}

/// The account asks for a list every ten minutes, and a tenant's products make it ask for no more: by a rule, or because
/// the shorter interval does not count.
async fn a_short_interval_costs_a_shared_account_nothing(world: Arc<World>) {
    const CHECKS: usize = 150;
    const LISTS: usize = 5;
    let _operator = world.operator_of_cluster(&[]).await;
    let contract = world.tencent();
    let shared = world.share(&contract, None, json!({"selector": {}})).await;
    let mut product = contract.product.clone();
    product["spec"]["accountRef"] = json!({"kind": "ClusterIotAccount", "name": shared});
    world.victim.apply(&named(&product, "victim")).await;
    world.victim.ready("victim").await;
    for (number, short) in ["1ms", "1s", "1us", "29.999s"].into_iter().enumerate() {
        let mut hasty = named(&product, &format!("hasty-{number}"));
        hasty["spec"]["resyncInterval"] = json!(short);
        match world.mallory.try_apply(&hasty).await {
            Ok(_) => drop(world.mallory.ready(name(&hasty)).await),
            Err(kube::Error::Api(status)) if status.code == 422 => {}
            Err(error) => panic!("{short}: {error}"),
        }
    }
    let calls = world.call_mark();
    for _ in 0..CHECKS {
        world.victim.check_now("victim").await;
    }
    let lists = world.calls_since(calls).iter().filter(|call| call.action == "DescribeProducts").count();
    assert!(lists <= LISTS, "{lists} lists while another's product was checked {CHECKS} times");
}
