//! One account, and one namespace of an account, that has much to do does not keep another waiting.

use serde_json::{Value, json};

use crate::claims::cluster_account;
use crate::manifest::named;
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::CREATE;
use crate::world::{PATIENCE, World};

tests!(
    Shared { a_queue_of_one_account_does_not_delay_another }
    Own { a_queue_of_one_namespace_does_not_delay_another }
);

/// Products that one account creates. Several times what the process visits at once (`--max-concurrent-reconciles`, 64): if
/// each waited in its visit for the account's turn, nobody else would be visited before many of them.
const QUEUE: usize = 250;
/// Creations of that account in a second. So few that the queue stands still beside whatever the other side does, however
/// slow the machine is: what is compared is the order, and not the machine's speed with the vendor's.
const A_SECOND: usize = 1;
/// Products of the other side, one after the other: a single one can be lucky.
const SINGLES: usize = 8;
/// Of the queue this many may be created meanwhile.
const MEANWHILE: usize = QUEUE / 2;
/// What is to wait then at least, else nothing was shown.
const STILL_WAITING: usize = 100;

/// An account that creates slowly.
fn slow(account: &Value) -> Value {
    let mut account = account.clone();
    account["spec"]["limits"] = json!({"requestsPerSecond": {CREATE: A_SECOND}});
    account
}

/// The queue's products; they are the test's own namespace's.
async fn queue(world: &World, product: &Value) {
    for number in 0..QUEUE {
        world.apply(&named(product, &format!("queued-{number}"))).await;
    }
}

fn created(world: &World) -> usize {
    world.products().iter().filter(|product| product.product_name.starts_with("queued")).count()
}

async fn judge(world: &World, before: usize) {
    let meanwhile = created(world) - before;
    assert!(meanwhile <= MEANWHILE, "{meanwhile} of the queue went first");
    let waiting = world.list(Kind::Product).await.iter().filter(|object| !object.is_available()).count();
    assert!(waiting >= STILL_WAITING, "{waiting} still wait");
}

async fn a_queue_of_one_account_does_not_delay_another(world: World) {
    let contract = world.contract();
    let mut other = contract.account.clone();
    other["metadata"]["name"] = json!("other");
    for object in [&contract.key, &slow(&contract.account), &other] {
        world.apply(object).await;
    }
    queue(&world, &contract.product).await;
    let _operator = world.operator().await;
    world.vendor_until("the queue at work", |_| created(&world) >= 2).await;
    let before = created(&world);
    for number in 0..SINGLES {
        let mut single = named(&contract.product, &format!("single-{number}"));
        single["spec"]["accountRef"]["name"] = json!("other");
        world.apply(&single).await;
        world.product_until(&format!("single-{number}"), "Ready", PATIENCE, Object::is_available).await;
    }
    judge(&world, before).await;
}

async fn a_queue_of_one_namespace_does_not_delay_another(world: World) {
    let other = world.elsewhere("other").await;
    let contract = world.contract();
    world.apply(&contract.key).await;
    world.apply(&slow(&cluster_account(&contract, json!({"selector": {}})))).await;
    let mut product = contract.product.clone();
    product["spec"]["accountRef"]["kind"] = json!("ClusterIotAccount");
    queue(&world, &product).await;
    let _operator = world.operator_with(&[("watch-namespaces", "absent")]).await;
    world.vendor_until("the queue at work", |_| created(&world) >= 2).await;
    let before = created(&world);
    for number in 0..SINGLES {
        let single = named(&product, &format!("single-{number}"));
        other.apply(&single).await;
        other.product_until(&format!("single-{number}"), "Ready", Object::is_available).await;
    }
    judge(&world, before).await;
}
