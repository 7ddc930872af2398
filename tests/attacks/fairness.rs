//! A tenant whose vendor takes its time, with as many accounts and products as the tenant likes. The double answers
//! nothing until the end, so whatever the victim gets is had while all of the attacker's calls still wait.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::iter;
use iot_test_harness::manifest::{Contract, named};
use iot_test_harness::{Kind, Object, PATIENCE, until};
use kube::api::{Api, DynamicObject};
use serde_json::json;

use crate::answers::Form;
use crate::double::{Answer, Ask, Double};
use crate::session::attacks;
use crate::tenant::name;
use crate::world::{ACCOUNT, CHECK_NOW, World};

attacks!(Own {
    accounts_at_a_silent_vendor_hold_nobody_up,
    creates_that_hang_hold_nobody_up,
    deleted_products_whose_objects_stay_are_no_loss,
});

/// Longer than any attack lasts: no call ends by itself.
const PATIENT: [(&str, &str); 2] = [("vendor-timeout", "20m"), ("reconcile-timeout", "30m")];
/// Accounts at the silent vendor.
const ACCOUNTS: usize = 200;
/// Accounts whose creates hang, and products of each.
const HANGING: (usize, usize) = (8, 50);
/// Products and accounts of the victim, one after the other: a single one can be lucky.
const SINGLES: usize = 3;

/// A new account and product of the victim's, then an edit; then a new product in the account that was there.
async fn the_victim_is_served(world: &World, contract: &Contract, round: usize) {
    let mut account = contract.account.clone();
    account["metadata"]["name"] = json!(format!("single-{round}"));
    let mut product = named(&contract.product, &format!("single-{round}"));
    product["spec"]["accountRef"]["name"] = account["metadata"]["name"].clone();
    world.victim.apply(&account).await;
    world.victim.apply(&product).await;
    let object = world.victim.ready(name(&product)).await;
    let edit = json!({"spec": {"dynamicRegistration": {"limit": 4321}}});
    world.victim.edit(Kind::Product, name(&product), edit).await;
    world.victim.ready(name(&product)).await;
    let shown = world.vendor().tencent().product(ACCOUNT, object.id().expect("an id")).expect("the product");
    assert_eq!(shown.register_limit, 4321);
    let old = named(&contract.product, &format!("old-{round}"));
    world.victim.apply(&old).await;
    world.victim.ready(name(&old)).await;
}

/// The attacker's accounts.
async fn accounts(world: &World, contract: &Contract, count: usize) {
    world.mallory.receive(&contract.key).await;
    let apply = |number: usize| async move {
        let mut account = contract.account.clone();
        account["metadata"]["name"] = json!(format!("account-{number}"));
        world.mallory.apply(&account).await;
    };
    iter(0..count).map(apply).buffer_unordered(8).collect::<Vec<()>>().await;
}

/// The victim's key and a healthy account.
async fn healthy(world: &World) -> Contract {
    let contract = world.tencent();
    world.victim.receive(&contract.key).await;
    world.victim.apply(&contract.account).await;
    world.victim.apply(&contract.product).await;
    world.victim.ready(name(&contract.product)).await;
    contract
}

async fn accounts_at_a_silent_vendor_hold_nobody_up(world: Arc<World>) {
    let _operator = world.operator_of_cluster(&PATIENT).await;
    let contract = healthy(&world).await;
    let double = Double::start(|_: &Ask| Answer::Held);
    accounts(&world, &Form::Tencent.contract(&double), ACCOUNTS).await;
    let held = double.settled().await;
    for round in 0..SINGLES {
        the_victim_is_served(&world, &contract, round).await;
    }
    assert!(double.held() >= held, "{} of {held} calls still wait", double.held());
}

async fn creates_that_hang_hold_nobody_up(world: Arc<World>) {
    let _operator = world.operator_of_cluster(&PATIENT).await;
    let contract = healthy(&world).await;
    let double = Double::start(|ask: &Ask| match ask.action.as_str() {
        "CreateProduct" => Answer::Held,
        _ => Form::Tencent.empty(ask),
    });
    let hostile = Form::Tencent.contract(&double);
    let (count, each) = HANGING;
    accounts(&world, &hostile, count).await;
    let apply = |number: usize| {
        let mut product = named(&hostile.product, &format!("hangs-{number}"));
        product["spec"]["accountRef"]["name"] = json!(format!("account-{}", number % count));
        let world = &world;
        async move { world.mallory.apply(&product).await }
    };
    iter(0..count * each).map(apply).buffer_unordered(8).collect::<Vec<_>>().await;
    let held = double.settled().await;
    for round in 0..SINGLES {
        the_victim_is_served(&world, &contract, round).await;
    }
    assert!(double.held() >= held, "{} of {held} calls still wait", double.held());
}

/// More than are believed to have vanished at once.
const KEPT: usize = 6;

/// A user of a shared account deletes products and keeps their objects by a finalizer of his own. The account's list lacks
/// them from then on, and the others go on creating.
async fn deleted_products_whose_objects_stay_are_no_loss(world: Arc<World>) {
    let mut contract = world.tencent();
    contract.account["spec"]["resyncInterval"] = json!("0s");
    let _operator = world.operator_of_cluster(&[]).await;
    let allowed = json!({"names": [world.mallory.namespace(), world.victim.namespace()]});
    world.share(&contract, None, allowed.clone()).await;
    let of_shared = |name: &str| {
        let mut product = named(&contract.product, name);
        product["spec"]["accountRef"]["kind"] = json!("ClusterIotAccount");
        product
    };
    for number in 0..KEPT {
        let mut product = of_shared(&format!("kept-{number}"));
        product["metadata"]["finalizers"] = json!(["example.com/kept"]);
        world.mallory.apply(&product).await;
        world.mallory.ready(name(&product)).await;
    }
    for number in 0..KEPT {
        let product = format!("kept-{number}");
        world.mallory.delete(Kind::Product, &product).await;
        let let_go = |object: &Object| object.0["metadata"]["finalizers"] == json!(["example.com/kept"]);
        world.mallory.until(Kind::Product, &product, "let go by the operator", let_go).await;
    }
    // A list is made now.
    let asked = jiff::Timestamp::now().to_string();
    let mut listed = contract.clone();
    listed.account["metadata"]["annotations"] = json!({CHECK_NOW: asked});
    world.share(&listed, None, allowed).await;
    let api: Api<DynamicObject> = Api::all_with(world.admin(), &Kind::ClusterAccount.resource());
    until("the shared account's list", PATIENCE, async || {
        let account = api.get(name(&contract.account)).await.map_err(|error| error.to_string())?;
        let status = &account.data["status"];
        if status["lastHandledReconcileAt"] == json!(asked) { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    let product = of_shared("new");
    world.victim.apply(&product).await;
    world.victim.ready("new").await;
}
