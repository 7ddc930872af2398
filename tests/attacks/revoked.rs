//! What an account was is nothing once it is gone: neither its key nor its memory is used or kept.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use futures::stream::iter;
use iot_test_harness::manifest::named;
use iot_test_harness::{Kind, Object, PATIENCE, until};
use serde_json::{Value, json};

use crate::answers::Form;
use crate::double::{Ask, Double};
use crate::memory;
use crate::session::attacks;
use crate::tenant::{Tenant, name};
use crate::world::World;

attacks!(Shared { the_key_of_a_deleted_account_is_used_no_more, accounts_that_are_gone_take_no_memory });

/// Accounts that come and go in one round.
const ACCOUNTS: usize = 100;
/// Rounds after the first, which shows what the operator takes with so many.
const ROUNDS: usize = 2;
/// What it may take more after all of them, in MiB. Kept, an account is a ninth of one.
const MORE: u64 = 10;

/// Deletes an account and takes its finalizer off. In this order nothing can put it back.
async fn let_go(tenant: &Tenant, account: &str) {
    tenant.delete(Kind::Account, account).await;
    let stripped = tenant.try_edit(Kind::Account, account, &json!({"metadata": {"finalizers": null}})).await;
    assert!(!matches!(stripped, Err(kube::Error::Api(ref status)) if status.code != 404), "{stripped:?}");
    tenant.gone(Kind::Account, account).await;
}

/// Some authority's certificate, as a bundle has it.
fn certificate(world: &World) -> String {
    let kubeconfig = std::fs::read_to_string(world.plane().kubeconfig_path()).expect("a kubeconfig");
    let kubeconfig: Value = serde_yaml_ng::from_str(&kubeconfig).expect("YAML");
    let path = kubeconfig["clusters"][0]["cluster"]["certificate-authority"].as_str().expect("a path");
    STANDARD.encode(std::fs::read(path).expect("the authority's certificate"))
}

async fn accounts_that_are_gone_take_no_memory(world: Arc<World>) {
    let operator = world.operator(&[]).await;
    let double = Double::start(|ask: &Ask| Form::Tencent.empty(ask));
    let mut contract = Form::Tencent.contract(&double);
    // With certificates of its own each account has a client of its own.
    contract.account["spec"]["caBundle"] = json!(certificate(&world));
    world.mallory.receive(&contract.key).await;
    let mut taken = Vec::new();
    for round in 0..=ROUNDS {
        let names: Vec<String> = (0..ACCOUNTS).map(|number| format!("account-{round}-{number}")).collect();
        let tenant = &world.mallory;
        let begin = |own: &String| {
            let mut account = contract.account.clone();
            account["metadata"]["name"] = json!(own);
            async move {
                tenant.apply(&account).await;
                let said = |object: &Object| !object.reason().is_empty();
                tenant.until(Kind::Account, name(&account), "a word", said).await;
            }
        };
        iter(&names).map(begin).buffer_unordered(20).collect::<Vec<()>>().await;
        // As a tenant does who is faster than the operator: it sees no deletion, only that they are gone.
        operator.freeze();
        iter(&names).map(|own| let_go(tenant, own)).buffer_unordered(20).collect::<Vec<()>>().await;
        operator.thaw();
        // What is applied after them is seen after them.
        let mut last = contract.account.clone();
        last["metadata"]["name"] = json!(format!("last-{round}"));
        tenant.apply(&last).await;
        let said = |object: &Object| !object.reason().is_empty();
        tenant.until(Kind::Account, name(&last), "a word", said).await;
        taken.push(memory::now(&operator));
    }
    let (first, last) = (taken[0], taken[ROUNDS]);
    assert!(last <= first + MORE, "after each {ACCOUNTS} accounts: {taken:?} MiB");
}

async fn the_key_of_a_deleted_account_is_used_no_more(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.tencent();
    let (tenant, account) = (&world.mallory, name(&contract.account));
    tenant.receive(&contract.key).await;
    tenant.apply(&contract.account).await;
    tenant.apply(&contract.product).await;
    tenant.ready(name(&contract.product)).await;

    let_go(tenant, account).await;
    tenant.lose(Kind::Secret, name(&contract.key)).await;
    if tenant.get(Kind::Secret, name(&contract.key)).await.is_some() {
        tenant
            .replace(Kind::Secret, name(&contract.key), false, |secret| {
                secret["metadata"]["finalizers"] = json!([]);
            })
            .await;
    }
    // The operator learns of it by a watch, and of edits by another.
    until("the product without its account", PATIENCE, async || {
        let object = tenant.check_now(name(&contract.product)).await;
        if object.reason() == "AccountNotFound" { Ok(()) } else { Err(object.brief()) }
    })
    .await;

    let calls = world.call_mark();
    tenant.edit_and_ask(name(&contract.product), &json!({"dynamicRegistration": {"limit": 1234}})).await;
    tenant.apply(&named(&contract.product, "new")).await;
    for product in [name(&contract.product), "new"] {
        tenant.reason(Kind::Product, product, "AccountNotFound").await;
        tenant.check_now(product).await;
    }
    let made: Vec<String> = world.calls_since(calls).into_iter().map(|call| call.action).collect();
    assert!(made.is_empty(), "with the key of an account that is gone: {made:?}");
}
