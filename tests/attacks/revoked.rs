//! What an account was is nothing once it is gone: its key is not used for anything.

use std::sync::Arc;

use iot_test_harness::manifest::named;
use iot_test_harness::{Kind, PATIENCE, until};
use serde_json::json;

use crate::session::attacks;
use crate::tenant::{Tenant, name};
use crate::world::World;

attacks!(Shared { the_key_of_a_deleted_account_is_used_no_more });

/// Deletes an account and takes its finalizer off. In this order nothing can put it back.
async fn let_go(tenant: &Tenant, account: &str) {
    tenant.delete(Kind::Account, account).await;
    let stripped = tenant.try_edit(Kind::Account, account, &json!({"metadata": {"finalizers": null}})).await;
    assert!(!matches!(stripped, Err(kube::Error::Api(ref status)) if status.code != 404), "{stripped:?}");
    tenant.gone(Kind::Account, account).await;
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
