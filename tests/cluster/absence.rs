//! One answer that says of a product that it does not exist, while it does; and names that are free again.

use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::object::{Kind, Object};
use crate::session::{Plane, Test};
use crate::side::{SIDES, Side};
use crate::vendor::CREATE;
use crate::world::{PATIENCE, World};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    let mut add = |name: String, side, body: fn(World, Side) -> Body| {
        tests.push(Test::new(module_path!(), &name, Plane::Shared, move |world| body(world, side)));
    };
    for side in SIDES {
        let at = side.name().to_lowercase();
        if read(side).is_some() {
            add(format!("one_not_found_loses_nothing_at_{at}"), side, |w, s| Box::pin(one_not_found(w, s)));
            add(format!("one_not_found_deletes_nothing_else_at_{at}"), side, |w, s| Box::pin(deletion(w, s)));
        }
        add(format!("what_is_gone_is_created_anew_at_{at}"), side, |w, s| Box::pin(gone(w, s)));
        add(format!("an_adopted_one_is_deleted_at_{at}"), side, |w, s| Box::pin(adopted(w, s)));
        add(format!("an_object_renamed_in_git_at_{at}"), side, |w, s| Box::pin(renamed_in_git(w, s)));
        // Whether Huawei refuses a taken name, and how, is not documented.
        if side != Side::Huawei {
            add(format!("a_name_that_is_taken_once_at_{at}"), side, |w, s| Box::pin(taken_once(w, s)));
        }
    }
    let open = |w, s| Box::pin(without_unique_names(w, s)) as Body;
    add("one_not_found_makes_no_second_one_where_names_may_be_alike".to_owned(), Side::Huawei, open);
    tests
}

type Body = std::pin::Pin<Box<dyn Future<Output = ()>>>;

/// The action that reads one product, and the vendor's exact not-found.
fn read(side: Side) -> Option<(&'static str, &'static str)> {
    match side {
        Side::Tencent => Some(("DescribeProduct", "ResourceNotFound.ProductNotExist")),
        Side::Alibaba => Some(("QueryProduct", "iot.prod.NotExistedProduct")),
        Side::Huawei => Some(("ShowProduct", "ROMA.00110006")),
        Side::Legacy => None,
    }
}

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}

/// A replica that is behind answers once.
fn one_false_answer(world: &World, side: Side) {
    let (action, code) = read(side).unwrap();
    world.admin().add_fault(Rule::on(action, Fault::error(code)).times(1));
}

async fn one_not_found(world: World, side: Side) {
    let (contract, _operator, object, shown) = side.made(&world).await;
    let product = name(&contract.product);
    one_false_answer(&world, side);
    world.ask_for_check(product).await;
    let (action, code) = read(side).unwrap();
    world
        .calls_until("the false answer", PATIENCE, |calls| {
            calls.iter().any(|call| call.action == action && call.code.as_deref() == Some(code))
        })
        .await;
    let checked = world.check_now(product).await;
    assert!(checked.is_available(), "{}", checked.brief());
    assert_eq!(checked.id(), object.id());
    assert_eq!(checked.text("/status/previousProductId"), "");
    assert_eq!(side.products(&world), [shown]);
    assert_eq!(world.calls(CREATE).len(), 1);
    assert_eq!(world.events("Recreating", object.uid()).await, [] as [String; 0]);
}

async fn without_unique_names(world: World, side: Side) {
    world.admin().edit_settings(|settings| settings.huawei.unique_names = false);
    one_not_found(world, side).await;
}

/// The deletion does not believe it either: the product goes with its object.
async fn deletion(world: World, side: Side) {
    let (contract, operator, _, _) = side.made(&world).await;
    let product = name(&contract.product);
    // A successor has shown nothing yet, so it reads first.
    drop(operator);
    one_false_answer(&world, side);
    world.delete(Kind::Product, product).await;
    let _next = world.operator().await;
    world.gone(Kind::Product, product, PATIENCE * 2).await;
    assert_eq!(side.products(&world), []);
    assert!(world.secret(&format!("{product}-credentials")).await.is_none());
}

/// What is really gone is found out from two answers.
async fn gone(world: World, side: Side) {
    let (contract, _operator, object, shown) = side.made(&world).await;
    let product = name(&contract.product);
    side.remove(&world, &shown.id);
    world.ask_for_check(product).await;
    let anew = |now: &Object| now.is_available() && now.id().is_some() && now.id() != object.id();
    world.product_until(product, "created anew", PATIENCE * 3, anew).await;
    let (again, _) = side.agreed(&world, product).await;
    assert_eq!(again.text("/status/previousProductId"), shown.id);
    assert_eq!(side.products(&world).len(), 1);
}

/// Taken over by name, and deleted before any list of the account has shown it again.
async fn adopted(world: World, side: Side) {
    let (mut contract, _operator) = side.connect(&world).await;
    side.existing(&world, &contract, "made by hand");
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    world.apply(&contract.product).await;
    let product = name(&contract.product);
    let adopted = |object: &Object| object.text("/status/origin") == "Adopted";
    world.product_until(product, "taken over", PATIENCE, adopted).await;
    world.delete(Kind::Product, product).await;
    world.gone(Kind::Product, product, PATIENCE * 2).await;
    assert_eq!(side.products(&world), []);
}

/// One sync applies the object under its new name and prunes the old one; the product's name stays.
async fn renamed_in_git(world: World, side: Side) {
    let (contract, _operator, _, shown) = side.made(&world).await;
    let old = name(&contract.product).to_owned();
    let mut renamed = contract.product.clone();
    renamed["metadata"]["name"] = json!("renamed");
    world.apply(&renamed).await;
    world.delete(Kind::Product, &old).await;
    let (object, now) = side.agreed(&world, "renamed").await;
    assert!(!object.is("Stalled"), "{}", object.brief());
    assert_ne!(now.id, shown.id);
    assert_eq!(side.products(&world), [now]);
}

/// Kept back for a moment after a deletion, say: nobody is seen to have it.
async fn taken_once(world: World, side: Side) {
    let (contract, _operator) = side.connect(&world).await;
    let code = match side {
        Side::Tencent => "InvalidParameterValue.ProductAlreadyExist",
        Side::Legacy => "1001",
        Side::Alibaba => "iot.prod.AlreadyExistedProductName",
        Side::Huawei => unreachable!("it is not among those that refuse names"),
    };
    world.admin().add_fault(Rule::on(CREATE, Fault::error(code)).times(1));
    world.apply(&contract.product).await;
    let product = name(&contract.product);
    world.product_until(product, "Ready", PATIENCE, Object::is_available).await;
    assert_eq!(side.products(&world).len(), 1);
}
