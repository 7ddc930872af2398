//! Answers that are as long as an answer may be, or never end. However many there are and however they are read,
//! the operator stays within the memory that its pod has.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::iter;
use iot_test_harness::{Kind, Operator, PATIENCE, until};
use serde_json::json;

use crate::answers::{FORMS, Form, LONGEST};
use crate::double::{Answer, Ask, Double};
use crate::memory;
use crate::session::{Plane, Test};
use crate::world::World;

/// What the operator may take on top of what it had, in MiB. The chart's limit is 256 for the whole of it.
const MORE: u64 = 96;
/// Pages of a list that never ends; kept, they were more than twice the pod's memory.
const PAGES: usize = 150;
/// Accounts of one tenant at a hostile vendor.
const ACCOUNTS: usize = 40;

type Attack = fn(Arc<World>, Form) -> std::pin::Pin<Box<dyn Future<Output = ()>>>;

pub(crate) fn tests() -> Vec<Test> {
    let attacks: [(&str, Attack); 4] = [
        ("a_page_of_what_is_no_product_at", |world, form| Box::pin(no_products(world, form))),
        ("pages_without_end_at", |world, form| Box::pin(endless(world, form))),
        ("an_error_code_of_megabytes_at", |world, form| Box::pin(codes(world, form))),
        ("answers_that_stop_before_their_end_at", |world, form| Box::pin(stalled(world, form))),
    ];
    let mut tests = Vec::new();
    for (name, attack) in attacks {
        for form in FORMS {
            let name = format!("{name}_{form:?}").to_lowercase();
            let body = move |world| attack(world, form);
            tests.push(Test::new(module_path!(), &name, Plane::Shared, body));
        }
    }
    tests
}

/// So many accounts at the double, each with a key of its own, after a measurement of what the operator takes
/// without them.
async fn attacked(world: &World, form: Form, double: &Double, accounts: usize) -> (Operator, u64) {
    let operator = world.operator(&[("vendor-timeout", "30s")]).await;
    let contract = form.contract(double);
    memory::forget_peak(&operator);
    let before = memory::peak(&operator);
    let apply = |number: usize| {
        let (mut key, mut account) = (contract.key.clone(), contract.account.clone());
        let own = format!("account-{number}");
        key["metadata"]["name"] = json!(own);
        for id in ["secretId", "accessKey"] {
            if key["stringData"].get(id).is_some() {
                key["stringData"][id] = json!(format!("AKID{number}"));
            }
        }
        account["metadata"]["name"] = json!(own);
        account["spec"]["credentials"]["secretRef"]["name"] = json!(own);
        account["spec"]["limits"] = json!({"requestsPerSecond": {"default": 100}, "unsafe": true});
        async move {
            world.mallory.receive(&key).await;
            world.mallory.apply(&account).await;
        }
    };
    iter(0..accounts).map(apply).buffer_unordered(4).collect::<Vec<()>>().await;
    (operator, before)
}

fn judge(operator: &Operator, before: u64) {
    let peak = memory::peak(operator);
    assert!(peak <= before + MORE, "{before} MiB before, {peak} MiB at most");
}

/// Waits until every account says how it stands.
async fn all_say_something(world: &World, accounts: usize) {
    until("a word about every account", PATIENCE, async || {
        let all = world.mallory.list(Kind::Account).await;
        let silent = all.iter().filter(|account| account.reason().is_empty()).count();
        if all.len() == accounts && silent == 0 { Ok(()) } else { Err(format!("{silent} say nothing")) }
    })
    .await;
}

async fn no_products(world: Arc<World>, form: Form) {
    let page = bytes::Bytes::from(form.page_of_zeros());
    let double = Double::start(move |_: &Ask| Answer::ok(page.clone()));
    let (operator, before) = attacked(&world, form, &double, 2).await;
    double.until_asked(form.list(), 2).await;
    all_say_something(&world, 2).await;
    judge(&operator, before);
}

async fn endless(world: Arc<World>, form: Form) {
    let double = Double::start(move |ask: &Ask| Answer::ok(form.page_of_one_long(ask.nth)));
    let (operator, before) = attacked(&world, form, &double, 1).await;
    until("the end of the list, or no end of its pages", PATIENCE, async || {
        let account = world.mallory.get(Kind::Account, "account-0").await.expect("the account");
        let pages = double.asked_in_all();
        if account.reason().is_empty() && pages < PAGES { Err(format!("{pages} pages")) } else { Ok(()) }
    })
    .await;
    judge(&operator, before);
}

async fn codes(world: Arc<World>, form: Form) {
    let code = "C".repeat(LONGEST - 100_000);
    let double = Double::start(move |_: &Ask| form.error(&code, "no"));
    let (operator, before) = attacked(&world, form, &double, ACCOUNTS).await;
    all_say_something(&world, ACCOUNTS).await;
    judge(&operator, before);
}

/// The double sends all but the last byte. The operator's calls end by themselves, so every account says something
/// in the end; what counts is how many answers are in memory at once.
async fn stalled(world: Arc<World>, form: Form) {
    let most = bytes::Bytes::from(vec![b' '; LONGEST - 1]);
    let double = Double::start(move |_: &Ask| Answer::Stalled(most.clone()));
    let (operator, before) = attacked(&world, form, &double, ACCOUNTS).await;
    double.settled().await;
    judge(&operator, before);
}
