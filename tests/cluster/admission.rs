//! The admission policies of the chart. Every operator of these tests works under the one about Secrets, so that what it does
//! is admitted is said by all of them; here is what it is refused, and what others are.

use iot_test_harness::ControlPlane;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::ObjectMeta;
use kube::{Client, ResourceExt as _};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::claims::cluster_account;
use crate::manifest::{KEY, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::Kind;
use crate::session::tests;
use crate::world::{PATIENCE, World, until};

tests!(Own {
    status_is_the_operator_s_alone,
} Shared {
    a_stolen_token_makes_no_other_secret,
    a_stolen_token_changes_no_other_secret,
    others_do_with_secrets_what_they_like,
    expressions_are_of_the_right_types,
});

/// What the chart renders; that it does is tested with the charts.
const CHART: &str = include_str!("../charts/snapshots/default.yaml");
/// The condition of the policy about Secrets there.
const THE_OPERATOR: &str = "request.userInfo.username == 'system:serviceaccount:iot-operator:iot-operator'";
/// The same for the operators of all tests.
const AN_OPERATOR: &str = "request.userInfo.username.matches('^system:serviceaccount:[^:]+:iot-operator$')";

/// Policies and bindings of the chart whose names end so.
fn policies(suffix: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(CHART);
    let objects = documents.map(|document| Value::deserialize(document).expect("YAML"));
    let ours = |object: &Value| {
        object["apiVersion"] == "admissionregistration.k8s.io/v1"
            && object["metadata"]["name"].as_str().is_some_and(|name| name.ends_with(suffix))
    };
    let found: Vec<Value> = objects.filter(ours).collect();
    assert_eq!(found.len(), 2, "a policy and its binding");
    found
}

async fn apply(client: &Client, objects: Vec<Value>) {
    for object in objects {
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        let types = object.types.as_ref().expect("a kind");
        let resource = ApiResource::from_gvk(&types.try_into().expect("a kind"));
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let params = PatchParams::apply("test").force();
        let applied = api.patch(&object.name_any(), &params, &Patch::Apply(&object)).await;
        applied.unwrap_or_else(|error| panic!("apply {}: {error}", object.name_any()));
    }
}

/// Installs the policy about Secrets for the operators of all tests.
pub(crate) async fn install(plane: &ControlPlane) {
    let mut objects = policies(".secrets");
    let condition = &mut objects[0]["spec"]["matchConditions"][0]["expression"];
    assert_eq!(*condition, THE_OPERATOR);
    *condition = json!(AN_OPERATOR);
    apply(&plane.admin_client().await.expect("an admin's client"), objects).await;
}

/// Secrets as the operator, or its thief, sees them, once the policy is in force.
async fn thief(world: &World) -> Api<Secret> {
    let namespace = world.namespace().name();
    let groups = iot_test_harness::grants::groups(namespace);
    let client = world.plane().client_as(world.user(), &groups.each_ref().map(String::as_str)).await;
    let api = Api::namespaced(client.expect("the operator's client"), namespace);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    until("the policy to be in force", PATIENCE, async || {
        match api.create(&dry, &secret("x", "Opaque")).await {
            Ok(_) => Err("an Opaque Secret was created".to_owned()),
            Err(error) if error.to_string().contains("may create Secrets of type") => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
    api
}

fn secret(name: &str, kind: &str) -> Secret {
    Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        type_: Some(kind.to_owned()),
        string_data: Some([("key".to_owned(), "value".to_owned())].into()),
        ..Secret::default()
    }
}

const OURS: &str = "iot-products.io/product-credentials";

fn refused<T: std::fmt::Debug>(outcome: Result<T, kube::Error>, hint: &str, what: &str) {
    let error = outcome.expect_err(what).to_string();
    assert!(error.contains("ValidatingAdmissionPolicy") && error.contains(hint), "{what}: {error}");
}

async fn a_stolen_token_makes_no_other_secret(world: World) {
    let api = thief(&world).await;
    let mut token = secret("token", "kubernetes.io/service-account-token");
    token.metadata.annotations =
        Some([("kubernetes.io/service-account.name".to_owned(), "default".to_owned())].into());
    let mut untyped = secret("untyped", "");
    untyped.type_ = None;
    for other in [token, untyped, secret("bootstrap", "bootstrap.kubernetes.io/token")] {
        let what = other.name_any();
        refused(api.create(&PostParams::default(), &other).await, "may create Secrets of type", &what);
    }
    api.create(&PostParams::default(), &secret("output", OURS)).await.expect("an output Secret");
    let edit = Patch::Merge(json!({"stringData": {"key": "other"}, "metadata": {"labels": {"a": "b"}}}));
    api.patch("output", &PatchParams::default(), &edit).await.expect("an edit of it");
    api.delete("output", &DeleteParams::default()).await.expect("its deletion");
}

async fn a_stolen_token_changes_no_other_secret(world: World) {
    let api = thief(&world).await;
    let owners: Api<Secret> = Api::namespaced(world.client(), world.namespace().name());
    let mut other = secret("other", "Opaque");
    other.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
    owners.create(&PostParams::default(), &other).await.expect("a Secret of somebody else");
    let held = json!(["example.com/hold", "iot-products.io/in-use"]);
    for (what, patch) in [
        ("data", json!({"stringData": {"key": "other"}})),
        ("more data", json!({"stringData": {"further": "other"}})),
        ("no data", json!({"data": null})),
        ("labels", json!({"metadata": {"labels": {"iot-products.io/owner-uid": "u"}}})),
        ("annotations", json!({"metadata": {"annotations": {"a": "b"}}})),
        (
            "owner",
            json!({"metadata": {"ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}]}}),
        ),
        ("immutable", json!({"immutable": true})),
        ("another's finalizer", json!({"metadata": {"finalizers": ["iot-products.io/in-use"]}})),
        (
            "a foreign finalizer",
            json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}),
        ),
        ("a finalizer and data", json!({"metadata": {"finalizers": held}, "stringData": {"key": "other"}})),
    ] {
        let outcome = api.patch("other", &PatchParams::default(), &Patch::Merge(patch)).await;
        refused(outcome, "may change Secrets of type", what);
    }
    refused(api.delete("other", &DeleteParams::default()).await, "may delete Secrets of type", "deletion");
    for finalizers in [held, json!(["example.com/hold"])] {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
        api.patch("other", &PatchParams::default(), &patch).await.expect("the operator's own finalizer");
    }
    // What a backup wrote back with another type.
    let mut restored = secret("restored", "Opaque");
    restored.metadata.labels = Some([("iot-products.io/owner-uid".to_owned(), "u".to_owned())].into());
    owners.create(&PostParams::default(), &restored).await.expect("a Secret out of a backup");
    api.delete("restored", &DeleteParams::default()).await.expect("its deletion");
}

async fn others_do_with_secrets_what_they_like(world: World) {
    let _ = thief(&world).await;
    let owners: Api<Secret> = Api::namespaced(world.client(), world.namespace().name());
    owners.create(&PostParams::default(), &secret("own", "Opaque")).await.expect("a Secret");
    let edit = Patch::Merge(json!({"stringData": {"key": "other"}}));
    owners.patch("own", &PatchParams::default(), &edit).await.expect("its edit");
    owners.delete("own", &DeleteParams::default()).await.expect("its deletion");
}

/// What the API server itself says of the expressions. A policy without a binding does nothing.
async fn expressions_are_of_the_right_types(world: World) {
    let api: Api<ValidatingAdmissionPolicy> = Api::all(world.client());
    for mut policy in [policies(".secrets").swap_remove(0), policies(".status").swap_remove(0)] {
        let name =
            format!("{}.{}", world.namespace().name(), policy["metadata"]["name"].as_str().expect("a name"));
        policy["metadata"]["name"] = json!(name);
        apply(&world.client(), vec![policy]).await;
        let status = until("the types to be checked", PATIENCE, async || {
            let policy = api.get(&name).await.map_err(|error| error.to_string())?;
            policy.status.filter(|status| status.type_checking.is_some()).ok_or_else(|| "not yet".to_owned())
        })
        .await;
        let warnings = status.type_checking.expect("a check").expression_warnings.unwrap_or_default();
        api.delete(&name, &DeleteParams::default()).await.expect("a deletion");
        assert!(warnings.is_empty(), "{name}: {warnings:?}");
    }
}

/// Installs the policy about status for the world's operator and one more user.
async fn keep_status(world: &World, writer: &str) {
    let mut objects = policies(".status");
    let condition = &mut objects[0]["spec"]["matchConditions"][0]["expression"];
    let text = condition.as_str().expect("an expression");
    let own = r#""system:serviceaccount:iot-operator:iot-operator""#;
    assert!(text.contains(own), "{text}");
    *condition = json!(text.replace(own, &format!("{:?},{writer:?}", world.user())));
    apply(&world.client(), objects).await;
}

async fn status_is_the_operator_s_alone(world: World) {
    const RESTORER: &str = "restorer";
    keep_status(&world, RESTORER).await;
    let _operator = world.operator_with(&[("watch-namespaces", "absent")]).await;
    let contract = world.contract();
    let shared = cluster_account(&contract, json!({"selector": {}}));
    let shared_name = shared["metadata"]["name"].as_str().expect("a name").to_owned();
    world.apply(&shared).await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    let available = |object: &crate::object::Object| object.is_available();
    world.object_until(Kind::ClusterAccount, &shared_name, "Ready", PATIENCE, available).await;
    let objects = [
        (Kind::Product, THERMOSTAT),
        (Kind::Account, TENCENT_ACCOUNT),
        (Kind::ClusterAccount, &*shared_name),
    ];
    let forged = Patch::Merge(json!({"status": {"observedGeneration": 7}}));
    for (kind, name) in objects {
        // Whoever may do everything may not do this.
        until("status to be refused", PATIENCE, async || {
            match world.api(kind).patch_status(name, &PatchParams::default(), &forged).await {
                Ok(_) => Err("it was written".to_owned()),
                Err(error) if error.to_string().contains("admissionPolicy.statusWriters") => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        // The manifest stays the user's.
        world.edit(kind, name, json!({"metadata": {"annotations": {"note": "mine"}}})).await;
    }
    let client = world.plane().client_as(RESTORER, &["system:masters"]).await.expect("a client");
    let api: Api<DynamicObject> =
        Api::namespaced_with(client, world.namespace().name(), &Kind::Product.resource());
    api.patch_status(THERMOSTAT, &PatchParams::default(), &forged).await.expect("a listed writer");
    // The operator goes on to write it, and everything ends under the policies.
    world.check_now(THERMOSTAT).await;
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    for (kind, name) in [(Kind::Account, TENCENT_ACCOUNT), (Kind::ClusterAccount, &*shared_name)] {
        world.delete(kind, name).await;
        world.gone(kind, name, PATIENCE).await;
    }
    world.delete(Kind::Secret, KEY).await;
    world.gone(Kind::Secret, KEY, PATIENCE).await;
}
