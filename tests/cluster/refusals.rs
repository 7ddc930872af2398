//! A cluster that refuses what the operator writes: admission policies, quotas, rights.

use iot_test_harness::Mark;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::manifest::{CREDENTIALS, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::startup::{PRODUCTS, ROLE};
use crate::vendor::{CREATE, LIST};
use crate::world::{PATIENCE, World, in_short, until};

tests!(Shared {
    a_policy_on_the_output_secret_is_said,
    a_policy_on_the_key_is_said,
    a_quota_on_secrets_is_said,
    a_policy_on_status_is_told_once_and_tried_seldom,
    a_missing_right_on_status_costs_one_creation,
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
    /// Has what the rule matches in the world's namespace validated so.
    async fn put(world: &World, about: &str, rule: &Value, validation: &Value) -> Self {
        let namespace = world.namespace().name();
        let name = format!("{namespace}-{about}");
        let both = Self {
            name: name.clone(),
            policies: Api::all(world.client()),
            bindings: Api::all(world.client()),
        };
        let policy = json!({
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                    "resourceRules": [rule],
                },
                "validations": [validation],
            },
        });
        both.policies.create(&PostParams::default(), &object(policy)).await.unwrap();
        let spec = json!({"policyName": name, "validationActions": ["Deny"]});
        let binding = json!({"metadata": {"name": name}, "spec": spec});
        both.bindings.create(&PostParams::default(), &object(binding)).await.unwrap();
        both
    }

    async fn remove(self) {
        self.bindings.delete(&self.name, &DeleteParams::default()).await.unwrap();
        self.policies.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}

/// Secrets of that name must have a label; resolves when they must.
async fn demand_team(world: &World, secret: &str) -> Policy {
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
        "resources": ["secrets"], "resourceNames": [secret],
    });
    let validation = json!({
        "expression": "has(object.metadata.labels) && 'team' in object.metadata.labels", "message": TEAM,
    });
    let both = Policy::put(world, "team", &rule, &validation).await;
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

const FROZEN: &str = "status is frozen";

/// Whether the status of the product would be taken.
async fn status_taken(world: &World) -> Result<(), String> {
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    let patch = json!({"status": {"observedGeneration": 77}});
    let answer = world.api(Kind::Product).patch_status(THERMOSTAT, &dry, &Patch::Merge(patch)).await;
    answer.map(drop).map_err(|error| error.to_string())
}

async fn freeze_status(world: &World) -> Policy {
    let rule = json!({
        "apiGroups": ["iot-products.io"], "apiVersions": ["*"], "operations": ["UPDATE"],
        "resources": ["iotproducts/status"],
    });
    let validation = json!({"expression": "false", "message": FROZEN});
    let both = Policy::put(world, "status", &rule, &validation).await;
    until("status to be refused", PATIENCE, async || match status_taken(world).await {
        Err(error) if error.contains(FROZEN) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    both
}

/// Tries of a user to write the status of the product that were refused since.
async fn refused_tries(world: &World, user: &str, since: Mark) -> usize {
    let audit = world.plane().audit().expect("the audit log");
    let tried = audit.requests_by(user, since).await.expect("the audit log");
    let refused = |code: Option<u16>| matches!(code, Some(403 | 422));
    tried.iter().filter(|entry| entry.subresource == "status" && refused(entry.code)).count()
}

async fn told(world: &World, why: &str) {
    let object = world.get(Kind::Product, THERMOSTAT).await.expect("the product");
    until("an Event on the object", PATIENCE, async || {
        let notes = world.events("StatusRefused", object.uid()).await;
        if notes.iter().any(|note| note.contains(why)) { Ok(()) } else { Err(format!("{notes:?}")) }
    })
    .await;
}

fn lines(world: &World) -> usize {
    world.evidence().lines_with(&["WARN", "writing status was refused"]).len()
}

async fn a_policy_on_status_is_told_once_and_tried_seldom(world: World) {
    let contract = world.contract();
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    let policy = freeze_status(&world).await;
    let (mark, user) = (world.audit_mark(), world.user().to_owned());
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"dynamicRegistration": {"limit": 6000}}})).await;
    told(&world, FROZEN).await;
    let calls = world.call_mark();
    // What is edited now is not applied: what came of it could not be recorded.
    for limit in [7000, 8000, 9000] {
        let before = refused_tries(&world, &user, mark).await;
        let spec = json!({"spec": {"dynamicRegistration": {"limit": limit}}});
        world.edit(Kind::Product, THERMOSTAT, spec).await;
        until("another try", PATIENCE, async || {
            let tries = refused_tries(&world, &user, mark).await;
            if tries > before { Ok(()) } else { Err(tries.to_string()) }
        })
        .await;
    }
    let made = world.calls_since(calls);
    assert_eq!(made.keys().filter(|action| *action != LIST).count(), 0, "{made:?}");
    let tries = refused_tries(&world, &user, mark).await;
    assert!(tries < 4 * HASTY, "{tries} tries");
    assert_eq!(lines(&world), 1, "one warning, however often it is tried");
    let page = operator.page("/metrics").await.expect("the metrics");
    assert!(page.contains("iot_operator_status_writes_refused_total{kind=\"IotProduct\"}"), "{page}");
    policy.remove().await;
    until("status to be taken", PATIENCE, async || status_taken(&world).await).await;
    world.ask_for_check(THERMOSTAT).await;
    world.vendor_until("the last edit", |products| products[0].register_limit == 9000).await;
    world.one_ready_product(THERMOSTAT).await;
}

async fn a_missing_right_on_status_costs_one_creation(world: World) {
    let user = format!("narrow-{}", world.namespace().name());
    let kubeconfig = world.plane().kubeconfig_as(&user, &[]).expect("a kubeconfig");
    let roles = |products: &str| format!("{ROLE}---{products}").replace("USER", &user);
    world.kubectl(&["apply", "--filename", "-"], &roles(&PRODUCTS.replace("iotproducts/status, ", "")));
    let contract = world.contract();
    let (mark, flags) = (world.audit_mark(), [("kubeconfig", kubeconfig.to_str().expect("a path"))]);
    let mut operator = world.start_operator(&flags);
    operator.ready().await;
    world.connect(&contract).await;
    world.apply(&contract.product).await;
    told(&world, "iotproducts/status").await;
    until("more tries", PATIENCE, async || {
        let tries = refused_tries(&world, &user, mark).await;
        if tries >= 5 { Ok(()) } else { Err(tries.to_string()) }
    })
    .await;
    assert_eq!((world.calls(CREATE).len(), lines(&world)), (1, 1));
    world.kubectl(&["apply", "--filename", "-"], &roles(PRODUCTS));
    world.one_ready_product(THERMOSTAT).await;
}
