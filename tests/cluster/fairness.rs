//! Accounts that share a process and nothing else: one that has much to do does not keep another waiting.

use serde_json::json;

use crate::manifest::named;
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::world::{PATIENCE, World};

tests!(Shared { a_queue_of_one_account_does_not_delay_another });

/// Products that one account creates at its quota of 20 a second. Several times what the process visits at once
/// (`--max-concurrent-reconciles`, 64): if each waited in its visit for the account's turn, nobody else would be
/// visited before many of them.
const QUEUE: usize = 500;
/// Products of the other account, one after the other: a single one can be lucky.
const SINGLES: usize = 8;
/// Of the queue this many may be created meanwhile, which is ten seconds' worth.
const MEANWHILE: usize = 200;
/// What is to wait then at least, else nothing was shown.
const STILL_WAITING: usize = 100;

async fn a_queue_of_one_account_does_not_delay_another(world: World) {
    let contract = world.contract();
    let mut other = contract.account.clone();
    other["metadata"]["name"] = json!("other");
    for object in [&contract.key, &contract.account, &other] {
        world.apply(object).await;
    }
    for number in 0..QUEUE {
        world.apply(&named(&contract.product, &format!("queued-{number}"))).await;
    }
    let _operator = world.operator().await;
    let of_queue =
        || world.products().iter().filter(|product| product.product_name.starts_with("queued")).count();
    world.vendor_until("the queue at work", |_| of_queue() >= 20).await;
    let before = of_queue();
    for number in 0..SINGLES {
        let mut single = named(&contract.product, &format!("single-{number}"));
        single["spec"]["accountRef"]["name"] = json!("other");
        world.apply(&single).await;
        world.product_until(&format!("single-{number}"), "Ready", PATIENCE, Object::is_available).await;
    }
    let meanwhile = of_queue() - before;
    assert!(meanwhile <= MEANWHILE, "{meanwhile} of the other account's products went first");
    let waiting = world.list(Kind::Product).await.iter().filter(|object| !object.is_available()).count();
    assert!(waiting >= STILL_WAITING, "{waiting} still wait");
}
