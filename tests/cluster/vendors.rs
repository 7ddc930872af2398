//! What holds at every vendor: the contract, exactly one product whatever becomes of a create, and quotas.
//!
//! `QUOTA_PRODUCTS` makes the test of quotas create more.

use futures::future::join_all;
use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::manifest::Contract;
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::{Plane, Test};
use crate::side::{SIDES, Side};
use crate::vendor::CREATE;
use crate::world::{PATIENCE, World};

/// What becomes of the first create.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Cut,
    BadGateway,
    NoAnswer,
    CutWhileListsLag,
    KilledBeforeTheIdIsRecorded,
    CutBeforeTheEffect,
}

const TROUBLES: [(Trouble, &str); 6] = [
    (Trouble::Cut, "cut"),
    (Trouble::BadGateway, "bad_gateway"),
    (Trouble::NoAnswer, "no_answer"),
    (Trouble::CutWhileListsLag, "cut_while_lists_lag"),
    (Trouble::KilledBeforeTheIdIsRecorded, "killed_before_the_id_is_recorded"),
    (Trouble::CutBeforeTheEffect, "cut_before_the_effect"),
];

/// Tencent's newer API has the same and more in `faults`.
const PLACES: [(Side, bool, &str); 4] = [
    (Side::Legacy, true, "legacy"),
    (Side::Alibaba, true, "alibaba"),
    (Side::Huawei, true, "huawei"),
    (Side::Huawei, false, "huawei_without_unique_names"),
];

pub(crate) fn tests() -> Vec<Test> {
    let mut tests =
        vec![Test::new(module_path!(), "contract", Plane::Shared, |world| Box::pin(contract(world)))];
    for side in SIDES {
        let name = format!("deleted_and_applied_anew_at_{}", side.name().to_lowercase());
        tests.push(Test::new(module_path!(), &name, Plane::Shared, move |world| {
            Box::pin(applied_anew(world, side))
        }));
        let name = format!("quota_at_{}", side.name().to_lowercase());
        tests
            .push(Test::new(module_path!(), &name, Plane::Shared, move |world| Box::pin(quota(world, side))));
    }
    for (side, unique_names, place) in PLACES {
        for (trouble, what) in TROUBLES {
            // It takes more than a minute, with unique names no less than without.
            if matches!((trouble, side, unique_names), (Trouble::CutBeforeTheEffect, Side::Huawei, true)) {
                continue;
            }
            let name = format!("{what}_at_{place}");
            tests.push(Test::new(module_path!(), &name, Plane::Shared, move |world| {
                Box::pin(one_product(world, side, unique_names, trouble))
            }));
        }
    }
    tests
}

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}

/// All four accounts and products together, as one file each.
async fn contract(world: World) {
    let contracts = SIDES.map(|side| side.contract(&world));
    let all = contracts.each_ref().map(Contract::yaml).concat();
    world.kubectl(&["apply", "--filename", "-"], &all);
    let _operator = world.operator().await;
    for (side, contract) in SIDES.into_iter().zip(&contracts) {
        side.agreed(&world, name(&contract.product)).await;
        assert_eq!(side.products(&world).len(), 1);
        let account = name(&contract.account);
        world.object_until(Kind::Account, account, "Ready", PATIENCE, Object::is_available).await;
    }
    let table = world.kubectl(&["get", "iotp"], "");
    for side in SIDES {
        let row = table.lines().find(|line| line.split_whitespace().nth(1) == Some(side.name()));
        assert!(row.is_some_and(|row| row.contains("Available")), "{table}");
    }
    world.kubectl(&["delete", "iotp", "--all", "--timeout=120s"], "");
    for (side, contract) in SIDES.into_iter().zip(&contracts) {
        assert_eq!(side.products(&world), []);
        let secret = format!("{}-credentials", name(&contract.product));
        assert!(world.secret(&secret).await.is_none(), "{secret} went with its product");
    }
    world.kubectl(&["delete", "iota", "--all", "--timeout=60s"], "");
}

async fn begin(world: &World, side: Side, rules: Vec<Rule>) -> (Contract, Operator) {
    let mut contract = side.contract(world);
    contract.account["spec"]["resyncInterval"] = json!("0s");
    let operator = world.operator_with(&[("vendor-timeout", "3s")]).await;
    world.apply(&contract.key).await;
    world.apply(&contract.account).await;
    let account = name(&contract.account);
    world.object_until(Kind::Account, account, "Ready", PATIENCE, Object::is_available).await;
    world.admin().set_faults(rules);
    world.apply(&contract.product).await;
    (contract, operator)
}

/// The vendor did what was asked and the operator never learns it: it finds the product by its mark.
async fn one_product(world: World, side: Side, unique_names: bool, trouble: Trouble) {
    world.admin().edit_settings(|settings| {
        settings.huawei.unique_names = unique_names;
        if matches!(trouble, Trouble::CutWhileListsLag) {
            settings.list_lag_ms = 5000;
        }
    });
    let fault = match trouble {
        Trouble::Cut | Trouble::CutWhileListsLag => Fault::drop_after(),
        Trouble::CutBeforeTheEffect => Fault::drop_before(),
        Trouble::BadGateway => Fault::status_after(502),
        Trouble::NoAnswer | Trouble::KilledBeforeTheIdIsRecorded => Fault::hold(),
    };
    let (contract, mut operator) = begin(&world, side, vec![Rule::on(CREATE, fault).times(1)]).await;
    let mut next = None;
    if matches!(trouble, Trouble::KilledBeforeTheIdIsRecorded) {
        let held = world.held(CREATE).await;
        operator.freeze();
        world.release(&held).await;
        operator.crash();
        next = Some(world.operator().await);
    }
    let (_, shown) = side.agreed(&world, name(&contract.product)).await;
    assert_eq!(side.products(&world), [shown]);
    let creates = world.calls(CREATE);
    assert_eq!(creates.iter().filter(|call| call.applied).count(), 1);
    let sent = match trouble {
        Trouble::CutBeforeTheEffect => 2..=2,
        // A list that lags for longer than one attempt may last has the name sent again, and refused.
        Trouble::CutWhileListsLag if side != Side::Huawei => 1..=2,
        _ => 1..=1,
    };
    assert!(sent.contains(&creates.len()), "what a list shows is not sent again: {creates:#?}");
    if let ([first, second], Side::Huawei) = (creates.as_slice(), side) {
        // Two empty lists, the last of them a minute after the first one's deadline.
        let waited = second.time_ms - first.time_ms;
        assert!(waited >= 60_000, "the second came {waited} ms after the first");
    }
    for armed in world.admin().faults() {
        assert!(armed.used > 0, "{armed:?} never struck");
    }
    drop(next);
}

/// What was just deleted is not taken for what is to be created.
async fn applied_anew(world: World, side: Side) {
    let (contract, _operator) = begin(&world, side, Vec::new()).await;
    let name = name(&contract.product);
    let (_, first) = side.agreed(&world, name).await;
    world.delete(Kind::Product, name).await;
    world.gone(Kind::Product, name, PATIENCE).await;
    world.apply(&contract.product).await;
    let (object, second) = side.agreed(&world, name).await;
    assert_ne!(first.id, second.id);
    assert_eq!(object.text("/status/previousProductId"), "", "{}", object.brief());
    assert_eq!(side.products(&world), [second]);
    assert_eq!(world.calls(CREATE).len(), 2);
}

/// Many products at once: not one call too many for the vendor's quota.
async fn quota(world: World, side: Side) {
    let asked = std::env::var("QUOTA_PRODUCTS").ok().and_then(|text| text.parse().ok());
    let products = asked.unwrap_or(20);
    // The limiter's own tests say that it keeps every second when it sends. Other tests at the same time have
    // calls arrive some hundredths of a second late.
    let late = if asked.is_some() { 0 } else { 10 };
    world.admin().edit_settings(|settings| side.quota(settings, late));
    let (contract, _operator) = begin(&world, side, Vec::new()).await;
    let names: Vec<String> = (0..products).map(|number| format!("many-{number}")).collect();
    join_all(names.iter().map(async |name| world.apply(&side.another(&contract, name)).await)).await;
    for name in &names {
        let limit = PATIENCE * 3;
        world.product_until(name, "Ready", limit, Object::is_available).await;
    }
    assert_eq!(side.products(&world).len(), products + 1);
    let calls = world.admin().calls();
    let refused: Vec<_> = calls.iter().filter(|call| call.code.as_deref() != Some("OK")).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let created: Vec<i64> =
        calls.iter().filter(|call| call.action == CREATE).map(|call| call.time_ms).collect();
    let span = created.iter().max().unwrap() - created.iter().min().unwrap();
    eprintln!("{}: {} creates in {span} ms; calls {:?}", side.name(), created.len(), world.calls_since(0));
}
