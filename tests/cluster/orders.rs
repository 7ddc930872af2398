//! Product, account, key and namespace deleted at once, in whatever order: nothing is left.
//!
//! `REMOVAL_PRODUCTS` is the number of products per vendor in the namespace that is deleted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use iot_test_harness::TestNamespace;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::manifest::{Contract, named_anywhere};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::side::{SIDES, Side};
use crate::vendor::{CREATE, DELETE};
use crate::world::{PATIENCE, World, until};

tests!(Shared {
    every_order_while_the_operator_runs,
    every_order_while_the_operator_is_away,
    the_key_is_seen_to_go_first,
    a_namespace_with_many_products,
});

/// What is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Product,
    Account,
    Key,
    Namespace,
}

const THINGS: [Thing; 4] = [Thing::Product, Thing::Account, Thing::Key, Thing::Namespace];

/// Every order of some things.
fn orders(things: &[Thing]) -> Vec<Vec<Thing>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in things {
        let rest: Vec<Thing> = things.iter().filter(|thing| *thing != first).copied().collect();
        all.extend(orders(&rest).into_iter().map(|order| [vec![*first], order].concat()));
    }
    all
}

/// One order, in a namespace of its own.
struct Case {
    order: Vec<Thing>,
    side: Side,
    namespace: TestNamespace,
    contract: Contract,
}

impl Case {
    fn api(&self, world: &World, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(world.client(), self.namespace.name(), &kind.resource())
    }

    async fn apply(&self, world: &World) {
        for manifest in [&self.contract.key, &self.contract.account, &self.contract.product] {
            let api = self.api(world, Kind::of(manifest));
            let params = PatchParams::apply("test").force();
            api.patch(name(manifest), &params, &Patch::Apply(manifest)).await.unwrap();
        }
    }

    async fn ready(&self, world: &World) {
        let (api, name) = (self.api(world, Kind::Product), name(&self.contract.product));
        until(&format!("{} in {:?}", name, self.order), PATIENCE * 2, async || {
            let object = Object(serde_json::to_value(api.get(name).await.unwrap()).unwrap());
            if object.is_available() { Ok(()) } else { Err(object.brief()) }
        })
        .await;
    }

    /// As `kubectl delete --wait=false` of one after the other.
    async fn delete(&self, world: &World) {
        for thing in &self.order {
            let (kind, manifest) = match thing {
                Thing::Product => (Kind::Product, &self.contract.product),
                Thing::Account => (Kind::Account, &self.contract.account),
                Thing::Key => (Kind::Secret, &self.contract.key),
                Thing::Namespace => {
                    self.namespace.delete().await.unwrap();
                    continue;
                }
            };
            match self.api(world, kind).delete(name(manifest), &DeleteParams::default()).await {
                Ok(_) => {}
                // It went with what was deleted before.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => panic!("{thing:?} of {:?}: {error}", self.order),
            }
        }
    }

    async fn gone(&self, world: &World) {
        if self.order.contains(&Thing::Namespace) {
            let gone = self.namespace.gone().await;
            gone.unwrap_or_else(|error| panic!("{:?} at {:?}: {error}", self.order, self.side));
            return;
        }
        until(&format!("{:?} at {:?} to leave nothing", self.order, self.side), PATIENCE * 2, async || {
            let mut left = Vec::new();
            for kind in [Kind::Product, Kind::Account, Kind::Secret] {
                for object in self.api(world, kind).list(&kube::api::ListParams::default()).await.unwrap() {
                    left.push(Object(serde_json::to_value(object).unwrap()).brief());
                }
            }
            if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
        })
        .await;
    }
}

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}

/// A namespace with a Ready product for every order: of all four, and of the three that leave the namespace.
async fn begin(world: &World, shift: usize) -> (Vec<Case>, String) {
    let all = [orders(&THINGS), orders(&THINGS[..3])].concat();
    let cases = join_all(all.into_iter().enumerate().map(async |(number, order)| {
        let namespace = world.plane().namespace("order").await.unwrap();
        let side = SIDES[(number + shift) % SIDES.len()];
        let mut contract = side.contract_in(namespace.name(), &world.endpoint());
        contract.product = named_anywhere(&contract.product, &format!("lamp-{number:02}"));
        contract.account["spec"]["resyncInterval"] = json!("0s");
        Case { order, side, namespace, contract }
    }))
    .await;
    let namespaces: Vec<&str> = cases.iter().map(|case| case.namespace.name()).collect();
    let namespaces = namespaces.join(",");
    (cases, namespaces)
}

async fn every_order_while_the_operator_runs(world: World) {
    world.grant(None).await;
    let (cases, namespaces) = begin(&world, 0).await;
    let _operator = world.operator_with(&[("watch-namespaces", &namespaces)]).await;
    join_all(cases.iter().map(|case| case.apply(&world))).await;
    join_all(cases.iter().map(|case| case.ready(&world))).await;
    join_all(cases.iter().map(|case| case.delete(&world))).await;
    assert_nothing_is_left(&world, &cases).await;
}

/// It finds all of them deleted when it starts.
async fn every_order_while_the_operator_is_away(world: World) {
    world.grant(None).await;
    let (cases, namespaces) = begin(&world, 2).await;
    let mut operator = world.operator_with(&[("watch-namespaces", &namespaces)]).await;
    join_all(cases.iter().map(|case| case.apply(&world))).await;
    join_all(cases.iter().map(|case| case.ready(&world))).await;
    operator.terminate();
    assert!(operator.end(PATIENCE).await.success());
    join_all(cases.iter().map(|case| case.delete(&world))).await;
    let _next = world.operator_with(&[("watch-namespaces", &namespaces)]).await;
    assert_nothing_is_left(&world, &cases).await;
}

/// The account looks at its key when that is all that was deleted so far.
async fn the_key_is_seen_to_go_first(world: World) {
    let contract = Side::Tencent.contract(&world);
    let (product, account) = (name(&contract.product), name(&contract.account));
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    Side::Tencent.agreed(&world, product).await;
    world.object_until(Kind::Account, account, "Ready", PATIENCE, Object::is_available).await;
    world.delete(Kind::Secret, name(&contract.key)).await;
    world.edit(Kind::Account, account, json!({"spec": {"resyncInterval": "1h"}})).await;
    world.object_until(Kind::Account, account, "a visit", PATIENCE, Object::is_current).await;
    world.delete(Kind::Product, product).await;
    world.gone(Kind::Product, product, PATIENCE).await;
    world.gone(Kind::Secret, name(&contract.key), PATIENCE).await;
    assert_eq!(Side::Tencent.products(&world), []);
}

async fn assert_nothing_is_left(world: &World, cases: &[Case]) {
    join_all(cases.iter().map(|case| case.gone(world))).await;
    for side in SIDES {
        assert_eq!(side.products(world), [], "{side:?}");
    }
    assert_eq!(world.created(), cases.len(), "nothing was created anew");
}

async fn a_namespace_with_many_products(world: World) {
    world.grant(None).await;
    let asked = std::env::var("REMOVAL_PRODUCTS").ok().and_then(|text| text.parse().ok());
    let per_vendor: usize = asked.unwrap_or(5);
    let mut operator = world.operator().await;
    let mut names = Vec::new();
    for side in SIDES {
        let mut contract = side.contract(&world);
        contract.account["spec"]["resyncInterval"] = json!("0s");
        world.apply(&contract.key).await;
        world.apply(&contract.account).await;
        for number in 0..per_vendor {
            let name = format!("{}-{number:03}", name(&contract.account));
            world.apply(&named_anywhere(&contract.product, &name)).await;
            names.push(name);
        }
    }
    let patience = PATIENCE + Duration::from_secs(2) * u32::try_from(per_vendor).unwrap();
    for name in &names {
        world.product_until(name, "Ready", patience, Object::is_available).await;
    }
    assert_eq!(world.created(), names.len());
    let (calls, begun) = (world.call_mark(), Instant::now());
    world.namespace().delete().await.unwrap();
    until("the products to be gone", patience, async || {
        let left = world.list(Kind::Product).await.len();
        if left == 0 { Ok(()) } else { Err(format!("{left} are left")) }
    })
    .await;
    let products_gone = begun.elapsed();
    world.namespace().gone().await.unwrap();
    let made = world.calls_since(calls);
    eprintln!(
        "{} products: gone after {:.1} s, the namespace after {:.1} s; {made:?}",
        names.len(),
        products_gone.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
    );
    for side in SIDES {
        assert_eq!(side.products(&world), [], "{side:?}");
    }
    assert_eq!(made.get(CREATE), None);
    assert_eq!(made.get(DELETE), Some(&names.len()), "each once: {made:?}");
    let refused: BTreeMap<_, usize> = world
        .admin()
        .calls_since(calls)
        .into_iter()
        .filter_map(|call| call.code.filter(|code| code.contains("hrottl") || code.contains("LimitExceeded")))
        .fold(BTreeMap::new(), |mut counts, code| {
            *counts.entry(code).or_default() += 1;
            counts
        });
    assert_eq!(refused, BTreeMap::new(), "the vendors' quotas are kept");
    assert_eq!(operator.ended(), None);
}
