//! What is left of an operator that decides nothing: the requests of a creation, one after the other.

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::create::LATENCY;
use crate::stage::{Stage, products};

/// Products under way at a time, as many as our operator visits at once.
const HANDS: usize = 64;

/// Carries out the four writes of each product's creation, and waits as long as the vendor would let it.
pub(crate) async fn create_all(stage: &Stage, count: usize) {
    let creations = futures::stream::iter(0..count).map(|number| create(stage, number));
    creations.buffer_unordered(HANDS).collect::<Vec<()>>().await;
}

async fn create(stage: &Stage, number: usize) {
    let name = format!("storm-{number}");
    let api: Api<DynamicObject> = Api::namespaced_with(stage.client.clone(), "n0", &products());
    let merge = |patch| Patch::Merge(patch);
    let params = PatchParams::default();
    let ledger =
        json!({"metadata": {"finalizers": ["bench/bare"], "annotations": {"bench/ledger": "0".repeat(150)}}});
    api.patch(&name, &params, &merge(ledger)).await.expect("the ledger");
    tokio::time::sleep(LATENCY).await;
    let id = json!({"status": {"productId": format!("P{number}")}});
    api.patch_status(&name, &params, &merge(id)).await.expect("the id");
    let secrets: Api<Secret> = Api::namespaced(stage.client.clone(), "n0");
    let secret =
        json!({"metadata": {"name": name}, "stringData": {"productId": name, "productSecret": name}});
    let secret = serde_json::from_value(secret).expect("a Secret");
    secrets.create(&PostParams::default(), &secret).await.expect("the Secret");
    let ready = json!([{"type": "Ready", "status": "True", "reason": "Available", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    api.patch_status(&name, &params, &merge(json!({"status": {"conditions": ready}}))).await.expect("status");
}
