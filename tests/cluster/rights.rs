//! Operators in these tests authenticate as a service account with the rights of the chart, and no more: a request
//! that lacked one fails its test, whatever the test is about. The tests here show the converse, that nothing is
//! granted in vain: what an operator does in its life uses every verb of every role.

use std::collections::BTreeSet;
use std::fmt;

use iot_test_harness::{AuditEntry, ControlPlane, Mark};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, PostParams};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::claims::cluster_account;
use crate::manifest::{CREDENTIALS, Contract, KEY, TENCENT_ACCOUNT, THERMOSTAT, named};
use crate::object::Kind;
use crate::session::tests;
use crate::world::{PATIENCE, World, until};

tests!(Shared { every_right_in_the_cluster_is_used, every_right_in_a_namespace_is_used });

/// What the chart renders; that it does is tested with the charts.
const CLUSTER: &str = include_str!("../charts/snapshots/default.yaml");
const NAMESPACED: &str = include_str!("../charts/snapshots/namespaced-owner-id.yaml");
/// The namespaces in there: of the release, and the one that is watched.
const RELEASE: &str = "iot-operator";
const WATCHED: &str = "factory";

/// The user that a test's operator is.
pub(crate) fn user(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:iot-operator")
}

/// The groups of that user.
pub(crate) fn groups(namespace: &str) -> [String; 2] {
    ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
}

/// Roles and bindings of a rendered chart.
fn rbac(chart: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(chart);
    let objects = documents.map(|document| Value::deserialize(document).expect("YAML"));
    objects.filter(|object| object["apiVersion"] == "rbac.authorization.k8s.io/v1").collect()
}

/// Rights for the operator of the namespace `home`: of the chart in one watched namespace, or in the whole cluster.
pub(crate) fn grants(home: &str, watched: Option<&str>) -> Vec<Value> {
    let mut objects = rbac(if watched.is_some() { NAMESPACED } else { CLUSTER });
    let place = |name: &mut Value| {
        if *name == RELEASE {
            *name = json!(home);
        } else if *name == WATCHED {
            *name = json!(watched);
        }
    };
    for object in &mut objects {
        let metadata = &mut object["metadata"];
        // Others have theirs beside it, but their roles are the same.
        let shared = metadata["namespace"] == "kube-system" || metadata["namespace"].is_null();
        if shared && object["kind"].as_str().is_some_and(|kind| kind.ends_with("Binding")) {
            object["metadata"]["name"] = json!(format!("iot-operator-{home}"));
        } else if let Some(namespace) = metadata.get_mut("namespace") {
            place(namespace);
        }
        for subject in object["subjects"].as_array_mut().into_iter().flatten() {
            place(&mut subject["namespace"]);
        }
        for rule in object["rules"].as_array_mut().into_iter().flatten() {
            let names = rule["resourceNames"].as_array_mut().into_iter().flatten();
            // The lease has the release's name, as it has in the tests; it is no namespace.
            names.filter(|name| **name == WATCHED).for_each(place);
        }
    }
    objects
}

/// Waits until the authorizer knows what was granted last.
pub(crate) async fn in_force(client: &Client, home: &str, watched: Option<&str>) {
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let asked = [
        ("iot-products.io", "iotproducts", watched.unwrap_or_default()),
        ("coordination.k8s.io", "leases", home),
    ];
    for (group, resource, namespace) in asked {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(user(home)),
                groups: Some(groups(home).into()),
                resource_attributes: Some(ResourceAttributes {
                    verb: Some(if resource == "leases" { "create" } else { "list" }.to_owned()),
                    group: Some(group.to_owned()),
                    resource: Some(resource.to_owned()),
                    namespace: Some(namespace.to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        until("the authorizer to know the operator's rights", PATIENCE, async || {
            let answer = reviews.create(&PostParams::default(), &review).await;
            let status = answer.map_err(|error| error.to_string())?.status.unwrap_or_default();
            if status.allowed {
                Ok(())
            } else {
                Err(format!("{resource}: {}", status.reason.unwrap_or_default()))
            }
        })
        .await;
    }
}

/// A verb that a role grants, or that a request has used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    role: String,
    resource: String,
    verb: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.role, self.verb, self.resource)
    }
}

/// What a user was refused for lack of a right, one line for each kind of request.
pub(crate) fn denials(plane: &ControlPlane, user: &str, since: Mark) -> BTreeSet<String> {
    let refused = |entry: AuditEntry| entry.forbidden.then(|| format!("{} {}", entry.verb, entry.uri));
    answered(plane, user, since).into_iter().filter_map(refused).collect()
}

fn answered(plane: &ControlPlane, user: &str, since: Mark) -> Vec<AuditEntry> {
    plane.audit().and_then(|log| log.answered_to(user, since)).expect("the audit log")
}

/// `group/resource/subresource`, without what is empty.
fn resource(group: &str, resource: &str) -> String {
    [group, resource].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

fn granted(chart: &str) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for object in rbac(chart) {
        let role = format!("{} {}", text(&object["kind"]), object["metadata"]["name"]);
        for rule in object["rules"].as_array().into_iter().flatten() {
            for (group, name, verb) in combinations(rule) {
                rights.insert(Right { role: role.clone(), resource: resource(&group, &name), verb });
            }
        }
    }
    assert!(rights.len() >= 15, "{rights:?}");
    rights
}

fn combinations(rule: &Value) -> Vec<(String, String, String)> {
    let texts = |key: &str| -> Vec<String> {
        rule[key].as_array().expect("a list").iter().map(|item| text(item).to_owned()).collect()
    };
    let (groups, names, verbs) = (texts("apiGroups"), texts("resources"), texts("verbs"));
    let mut all = Vec::new();
    for group in &groups {
        for name in &names {
            all.extend(verbs.iter().map(|verb| (group.clone(), name.clone(), verb.clone())));
        }
    }
    all
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// What the operator's requests used, each of the role by which the authorizer let it pass.
fn used(world: &World, since: Mark) -> BTreeSet<Right> {
    let right = |entry: AuditEntry| {
        // RBAC: allowed by RoleBinding "iot-operator/x" of Role "iot-operator" to ServiceAccount "iot-operator/x"
        let (_, role) = entry.reason.split_once(" of ")?;
        let (role, _) = role.split_once(" to ")?;
        let slash = if entry.subresource.is_empty() { "" } else { "/" };
        let name = format!("{}{slash}{}", entry.resource, entry.subresource);
        Some(Right { role: role.to_owned(), resource: resource(&entry.group, &name), verb: entry.verb })
    };
    answered(world.plane(), &user(world.namespace().name()), since).into_iter().filter_map(right).collect()
}

/// Waits until everything granted has been used, and fails with what has not.
async fn all_used(world: &World, chart: &str, since: Mark) {
    let granted = granted(chart);
    until("every granted verb to be used", PATIENCE, async || {
        let used = used(world, since);
        let vain: Vec<String> = granted.difference(&used).map(ToString::to_string).collect();
        if vain.is_empty() { Ok(()) } else { Err(format!("granted and never used:\n{}", vain.join("\n"))) }
    })
    .await;
}

/// A life: leadership, products that are created, edited, damaged and deleted, and accounts with their keys.
async fn live(world: &World, flags: &[(&'static str, &str)], contracts: &[Contract]) {
    let mut all = vec![
        ("leader-elect", "true"),
        ("lease-namespace", world.namespace().name()),
        ("lease-renew-interval", "1s"),
        ("owner-id", "absent"),
    ];
    all.extend(flags);
    let _operator = world.operator_with(&all).await;
    for contract in contracts {
        world.apply(&contract.key).await;
        world.apply(&contract.account).await;
        world.apply(&contract.product).await;
    }
    for contract in contracts {
        world.reason(text(&contract.product["metadata"]["name"]), "InSync").await;
    }
    // The second Event of the same is a patch of the first.
    for damage in ["by hand", "once more"] {
        world.edit(Kind::Secret, CREDENTIALS, json!({"stringData": {"productSecret": damage}})).await;
        world.check_now(THERMOSTAT).await;
    }
    for contract in contracts {
        let name = text(&contract.product["metadata"]["name"]);
        world.delete(Kind::Product, name).await;
        world.gone(Kind::Product, name, PATIENCE).await;
    }
    for contract in contracts {
        let (kind, name) = (Kind::of(&contract.account), text(&contract.account["metadata"]["name"]));
        world.delete(kind, name).await;
        world.gone(kind, name, PATIENCE).await;
    }
}

async fn every_right_in_the_cluster_is_used(world: World) {
    let since = world.audit_mark();
    let own = world.contract();
    let mut tenant = own.clone();
    tenant.account = cluster_account(&own, json!({"selector": {}}));
    tenant.product = named(&own.product, "tenant");
    tenant.product["spec"]["accountRef"] =
        json!({"kind": "ClusterIotAccount", "name": tenant.account["metadata"]["name"]});
    live(&world, &[("watch-namespaces", "absent")], &[own, tenant]).await;
    all_used(&world, CLUSTER, since).await;
}

async fn every_right_in_a_namespace_is_used(world: World) {
    let since = world.audit_mark();
    live(&world, &[], &[world.contract()]).await;
    world.delete(Kind::Secret, KEY).await;
    assert!(world.get(Kind::Account, TENCENT_ACCOUNT).await.is_none());
    all_used(&world, NAMESPACED, since).await;
}
