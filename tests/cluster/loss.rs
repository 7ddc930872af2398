//! Many products that a list does not show at once: deleted on purpose, lost, or seen through another account's key.

use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::manifest::Contract;
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::{Plane, Test};
use crate::side::{SIDES, Side};
use crate::vendor::{CREATE, DELETE};
use crate::world::{PATIENCE, World};

const CONFIRM: &str = "iot-products.io/confirm-missing";

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    let mut add = |name: String, side, body: fn(World, Side) -> Body| {
        tests.push(Test::new(module_path!(), &name, Plane::Shared, move |world| body(world, side)));
    };
    for side in SIDES {
        let at = side.name().to_lowercase();
        add(format!("a_deletion_of_many_is_none_at_{at}"), side, |w, s| Box::pin(on_purpose(w, s)));
        add(format!("a_key_of_another_account_and_a_few_products_at_{at}"), side, |w, s| {
            Box::pin(a_few(w, s))
        });
    }
    add("it_is_not_believed_told_and_confirmed_once".to_owned(), Side::Tencent, |w, s| {
        Box::pin(confirmed_once(w, s))
    });
    add("it_is_over_without_anybody_s_help".to_owned(), Side::Tencent, |w, s| Box::pin(over(w, s)));
    add("a_key_of_another_account_and_many_products".to_owned(), Side::Tencent, |w, s| Box::pin(many(w, s)));
    tests
}

type Body = std::pin::Pin<Box<dyn Future<Output = ()>>>;

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}

/// So many products of one account that is compared every so often.
async fn made(world: &World, side: Side, count: usize, resync: &str) -> (Contract, Operator, Vec<String>) {
    let mut contract = side.contract(world);
    contract.account["spec"]["resyncInterval"] = json!(resync);
    let operator = world.operator().await;
    world.apply(&contract.key).await;
    world.apply(&contract.account).await;
    account(world, &contract, "Ready", Object::is_available).await;
    let names: Vec<String> = (0..count).map(|number| format!("many-{number}")).collect();
    for name in &names {
        world.apply(&side.another(&contract, name)).await;
    }
    for name in &names {
        world.product_until(name, "Ready", PATIENCE * 2, Object::is_available).await;
    }
    (contract, operator, names)
}

async fn account(world: &World, contract: &Contract, what: &str, is: impl Fn(&Object) -> bool) -> Object {
    world.object_until(Kind::Account, name(&contract.account), what, PATIENCE * 3, is).await
}

async fn lost(world: &World, contract: &Contract) -> Object {
    account(world, contract, "MassLoss", |account| account.reason() == "MassLoss").await
}

fn delete_all(world: &World) {
    world.tencent().delete_all_products("default").unwrap();
}

/// Most of an account's products are deleted while its reads take long, and it is compared meanwhile.
async fn on_purpose(world: World, side: Side) {
    let (contract, _operator, names) = made(&world, side, 7, "1s").await;
    world.admin().add_fault(Rule::on(DELETE, Fault::hold()).times(1));
    for name in &names[1..] {
        world.delete(Kind::Product, name).await;
    }
    let held = world.held(DELETE).await;
    for name in &names[1..] {
        let product = world.get(Kind::Product, name).await;
        assert!(product.is_none_or(|product| product.deleting()), "{name} is being deleted");
    }
    // Compared while one of them is still there, and the others are not.
    let lists = world.calls(side.list().0).len();
    world
        .calls_until("two more lists", PATIENCE, |calls| {
            calls.iter().filter(|call| call.action == side.list().0).count() >= lists + 2
        })
        .await;
    let seen = account(&world, &contract, "looked at", |_| true).await;
    assert_ne!(seen.reason(), "MassLoss", "{}", seen.brief());
    world.release(&held).await;
    for name in &names[1..] {
        world.gone(Kind::Product, name, PATIENCE * 2).await;
    }
    world.apply(&side.another(&contract, "later")).await;
    world.product_until("later", "Ready", PATIENCE, Object::is_available).await;
    assert_eq!(side.products(&world).len(), 2);
    assert!(account(&world, &contract, "looked at", |_| true).await.is_available());
}

/// With so few products the number of missing ones tells nothing: it is the key that shows none of them.
async fn a_few(world: World, side: Side) {
    let (contract, operator, names) = made(&world, side, 2, "1s").await;
    let before: Vec<_> = side.products(&world);
    let ids = |products: &[Object]| products.iter().map(|p| p.id().map(str::to_owned)).collect::<Vec<_>>();
    let recorded = ids(&world.list(Kind::Product).await);
    let mut foreign = contract.clone();
    foreign.key["stringData"] = side.other_key(&world);
    world.apply(&foreign.key).await;
    let seen = lost(&world, &contract).await;
    assert!(seen.is("Stalled") && seen.message().contains("another account"), "{}", seen.message());
    for name in &names {
        let gone = |product: &Object| product.reason() == "ProductMissing" && product.is("Stalled");
        world.product_until(name, "ProductMissing", PATIENCE * 3, gone).await;
    }
    // Nothing that is made through it could vouch for it, and nothing is deleted or changed.
    world.apply(&side.another(&contract, "third")).await;
    let waits =
        |product: &Object| product.reason() == "MassLoss" && product.message().contains("nothing is created");
    world.product_until("third", "the reason", PATIENCE, waits).await;
    world.delete(Kind::Product, &names[0]).await;
    let held = |product: &Object| product.deleting() && product.message().contains("force-forget");
    world.product_until(&names[0], "held", PATIENCE * 2, held).await;
    // Nor does a successor know better.
    drop(operator);
    let _next = world.operator().await;
    world.ask_for_check(&names[1]).await;
    world.edit(Kind::Product, &names[1], json!({"spec": {"driftPolicy": "Report"}})).await;
    world.reason(&names[1], "ProductMissing").await;
    let made = |call: &iot_simulator::Call| call.applied && call.account == "other";
    assert!(!world.calls(CREATE).iter().any(made) && !world.calls(DELETE).iter().any(made));
    assert_eq!(side.products(&world), before);
    // The way back needs nobody.
    world.apply(&contract.key).await;
    account(&world, &contract, "Ready", Object::is_available).await;
    world.gone(Kind::Product, &names[0], PATIENCE * 3).await;
    for name in [&names[1], "third"] {
        world.product_until(name, "Ready", PATIENCE * 2, Object::is_available).await;
    }
    let now = ids(&world.list(Kind::Product).await);
    assert!(now.contains(&recorded[1]), "{now:?} has {recorded:?}");
    assert_eq!(side.products(&world).len(), 2);
}

async fn confirmed_once(world: World, side: Side) {
    let (contract, _operator, names) = made(&world, side, 5, "1s").await;
    let confirm = async |value: &str| {
        let order = json!({"metadata": {"annotations": {CONFIRM: value}}});
        world.edit(Kind::Account, name(&contract.account), order).await;
    };
    let made_anew = async |losses: usize| {
        for name in &names {
            world.product_until(name, "Ready", PATIENCE * 3, Object::is_available).await;
        }
        let over = |account: &Object| {
            account.is_available() && account.0.pointer("/status/confirmedMissing/outstanding").is_none()
        };
        account(&world, &contract, "Ready", over).await;
        assert_eq!(world.created(), names.len() * (losses + 1));
    };
    // Given before there is anything to confirm.
    confirm("5").await;
    account(&world, &contract, "the order", |account| account.text("/status/confirmedMissing/value") == "5")
        .await;
    delete_all(&world);
    let seen = lost(&world, &contract).await;
    assert!(seen.message().contains(&format!("{CONFIRM}=5-2")), "says what to do: {}", seen.message());
    for name in &names {
        let told = |product: &Object| product.reason() == "ProductMissing" && product.id().is_some();
        let product = world.product_until(name, "ProductMissing", PATIENCE * 2, told).await;
        assert!(product.message().contains("condition Ready"), "{}", product.message());
    }
    assert_eq!(world.calls(CREATE).len(), names.len(), "none is created anew");
    confirm("5-2").await;
    made_anew(1).await;
    // The same annotation, as Git applies it again, is no order any more.
    delete_all(&world);
    let seen = lost(&world, &contract).await;
    assert_eq!(seen.text("/status/confirmedMissing/value"), "5-2");
    assert!(seen.message().contains(&format!("{CONFIRM}=5-3")), "{}", seen.message());
    confirm("5-3").await;
    made_anew(2).await;
    assert_eq!(side.products(&world).len(), names.len());
}

/// An empty list, once, and nothing else for ten minutes.
async fn over(world: World, side: Side) {
    let (mut contract, operator, names) = made(&world, side, 5, "1s").await;
    // A list of the second in which a product was recorded says nothing of it.
    let lists = || world.calls(side.list().0).len();
    let so_far = lists();
    world.calls_until("two more lists", PATIENCE, |_| lists() >= so_far + 2).await;
    contract.account["spec"]["resyncInterval"] = json!("10m");
    world.apply(&contract.account).await;
    drop(operator);
    let behind = Rule { list_lag_ms: Some(3_600_000), ..Rule::on(side.list().0, Fault::None) };
    world.admin().add_fault(behind.times(1));
    let _next = world.operator().await;
    lost(&world, &contract).await;
    account(&world, &contract, "Ready", Object::is_available).await;
    for name in &names {
        world.product_until(name, "Ready", PATIENCE, Object::is_available).await;
    }
    assert_eq!(world.calls(CREATE).len(), names.len());
}

/// So many at once are believed of no key.
async fn many(world: World, side: Side) {
    let (contract, _operator, names) = made(&world, side, 6, "1s").await;
    let before = side.products(&world);
    let mut foreign = contract.clone();
    foreign.key["stringData"] = side.other_key(&world);
    world.apply(&foreign.key).await;
    lost(&world, &contract).await;
    for name in &names {
        world.reason(name, "ProductMissing").await;
    }
    assert_eq!(world.tencent().products("other").unwrap(), []);
    world.apply(&contract.key).await;
    account(&world, &contract, "Ready", Object::is_available).await;
    for name in &names {
        world.product_until(name, "Ready", PATIENCE, Object::is_available).await;
    }
    assert_eq!(side.products(&world), before);
    assert_eq!(world.created(), names.len());
}
