//! A cluster that refuses what the operator writes: admission policies, quotas, rights.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::manifest::{CREDENTIALS, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::CREATE;
use crate::world::{PATIENCE, World, in_short, until};

tests!(Shared {
    a_policy_on_the_output_secret_is_said,
    a_policy_on_the_key_is_said,
    a_quota_on_secrets_is_said
});

const TEAM: &str = "every Secret needs the label team";
const KEY: &str = "tencent-key";
const QUOTA: &str = "exceeded quota: few";
/// More tries than a back-off makes while a message is waited for.
const HASTY: usize = 12;

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

/// Whether a Secret of that name would be taken.
async fn taken(world: &World, name: &str) -> Result<(), String> {
    let api: Api<Secret> = Api::namespaced(world.client(), world.namespace().name());
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let secret = object(json!({"metadata": {"name": name}}));
    api.create(&dry, &secret).await.map(drop).map_err(|error| error.to_string())
}

async fn refused(world: &World, name: &str, why: &str) {
    until("Secrets to be refused", PATIENCE, async || match taken(world, name).await {
        Err(error) if error.contains(why) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

/// What the product says of it.
async fn said(world: &World, why: &str) -> Object {
    world
        .product_until(THERMOSTAT, why, PATIENCE, |object| {
            object.ready() == "False" && object.message().contains(why)
        })
        .await
}

/// A policy and its binding, which lie in no namespace.
struct Policy {
    name: String,
    policies: Api<ValidatingAdmissionPolicy>,
    bindings: Api<ValidatingAdmissionPolicyBinding>,
}

impl Policy {
    fn new(world: &World, name: String) -> Self {
        Self { name, policies: Api::all(world.client()), bindings: Api::all(world.client()) }
    }

    async fn remove(self) {
        self.bindings.delete(&self.name, &DeleteParams::default()).await.unwrap();
        self.policies.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}

/// Secrets of that name must have a label; resolves when they must.
async fn demand_team(world: &World, secret: &str) -> Policy {
    let namespace = world.namespace().name();
    let name = format!("{namespace}-team");
    let both = Policy::new(world, name.clone());
    let policy = json!({
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                    "resources": ["secrets"], "resourceNames": [secret],
                }],
            },
            "validations": [{
                "expression": "has(object.metadata.labels) && 'team' in object.metadata.labels",
                "message": TEAM,
            }],
        },
    });
    both.policies.create(&PostParams::default(), &object(policy)).await.unwrap();
    let binding = json!({
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    both.bindings.create(&PostParams::default(), &object(binding)).await.unwrap();
    refused(world, secret, TEAM).await;
    both
}

async fn a_policy_on_the_output_secret_is_said(world: World) {
    let contract = world.contract();
    let policy = demand_team(&world, CREDENTIALS).await;
    let (calls, mark) = (world.call_mark(), world.audit_mark());
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = said(&world, TEAM).await;
    assert!(object.message().contains("creating the output Secret"), "{}", object.message());
    assert!(object.id().is_some(), "the product is recorded all the same: {}", object.brief());
    let writes = world.writes_since(mark).await;
    let tries = writes.iter().filter(|write| write.resource == "secrets" && write.verb == "create").count();
    assert!((1..HASTY).contains(&tries), "{:?}", in_short(&writes));
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"secret": {"labels": {"team": "heat"}}}})).await;
    world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls_since(calls)[CREATE], 1);
    policy.remove().await;
}

/// The operator's finalizer on the account's key is an update of a Secret.
async fn a_policy_on_the_key_is_said(world: World) {
    let contract = world.contract();
    world.apply(&contract.key).await;
    let policy = demand_team(&world, KEY).await;
    let _operator = world.operator().await;
    world.apply(&contract.account).await;
    world.apply(&contract.product).await;
    let refused = |object: &Object| object.ready() == "False" && object.message().contains(TEAM);
    let account = world.object_until(Kind::Account, "tencent", TEAM, PATIENCE, refused).await;
    assert!(account.message().contains("the credentials Secret was refused"), "{}", account.message());
    said(&world, TEAM).await;
    world.edit(Kind::Secret, KEY, json!({"metadata": {"labels": {"team": "heat"}}})).await;
    world.one_ready_product(THERMOSTAT).await;
    world.object_until(Kind::Account, "tencent", "Ready", PATIENCE, Object::is_available).await;
    policy.remove().await;
}

async fn a_quota_on_secrets_is_said(world: World) {
    let contract = world.contract();
    world.apply(&contract.key).await;
    let quotas: Api<ResourceQuota> = Api::namespaced(world.client(), world.namespace().name());
    let quota = json!({"metadata": {"name": "few"}, "spec": {"hard": {"count/secrets": "1"}}});
    quotas.create(&PostParams::default(), &object(quota)).await.unwrap();
    refused(&world, CREDENTIALS, QUOTA).await;
    let _operator = world.operator().await;
    world.apply(&contract.account).await;
    world.apply(&contract.product).await;
    said(&world, QUOTA).await;
    quotas.delete("few", &DeleteParams::default()).await.unwrap();
    until("Secrets to be taken", PATIENCE, async || taken(&world, CREDENTIALS).await).await;
    world.ask_for_check(THERMOSTAT).await;
    world.one_ready_product(THERMOSTAT).await;
}
