//! Operators in these tests authenticate as a service account with the rights of the chart, and no more: a request
//! that lacked one fails its test, whatever the test is about. The converse, that nothing is granted in vain, is said
//! of all tests together when all were run. Those here use what happens to others by chance only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use iot_test_harness::grants::{CLUSTER, NAMESPACED, rbac};
use iot_test_harness::{AuditEntry, ControlPlane, Mark};
use serde_json::{Value, json};

use crate::claims::cluster_account;
use crate::manifest::{CREDENTIALS, Contract, KEY, TENCENT_ACCOUNT, THERMOSTAT, named};
use crate::object::Kind;
use crate::session::tests;
use crate::world::{CHECK_NOW, PATIENCE, World, until};

tests!(Own {
    a_life_in_the_cluster,
} Shared {
    a_life_in_a_namespace,
});

/// Whether every operator has the rights in the whole cluster, whatever it watches.
pub(crate) fn of_the_cluster() -> bool {
    std::env::var("RIGHTS").is_ok_and(|scope| scope == "cluster")
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

/// What the operators of all tests made of the chart's rights.
#[derive(Default)]
pub(crate) struct Measure(Mutex<BTreeMap<Right, usize>>);

impl Measure {
    /// Takes in what a user asked for since the mark; fails with what was refused for lack of a right.
    pub(crate) fn take(&self, plane: &ControlPlane, user: &str, since: Mark) -> Result<(), String> {
        let mut refused = BTreeSet::new();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in answered(plane, user, since) {
            if entry.forbidden {
                refused.insert(format!("{} {}", entry.verb, entry.uri));
            } else if let Some(right) = right(entry, user) {
                *counts.entry(right).or_default() += 1;
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(format!("the chart does not grant: {refused:#?}")) }
    }

    /// How often each right was used, or those that never were. To be asked when all tests were run.
    pub(crate) fn verdict(&self) -> Result<String, String> {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let charts = if of_the_cluster() { &[CLUSTER][..] } else { &[CLUSTER, NAMESPACED] };
        let granted: BTreeSet<Right> = charts.iter().copied().flat_map(granted).collect();
        let vain: Vec<String> =
            granted.iter().filter(|right| !used.contains_key(*right)).map(ToString::to_string).collect();
        if vain.is_empty() {
            let table: Vec<String> =
                granted.iter().map(|right| format!("{right}: {}", used[right])).collect();
            Ok(table.join("\n"))
        } else {
            Err(vain.join("\n"))
        }
    }
}

fn answered(plane: &ControlPlane, user: &str, since: Mark) -> Vec<AuditEntry> {
    plane.audit().and_then(|log| log.answered_to(user, since)).expect("the audit log")
}

/// The right by which the authorizer let a request pass; none for what every user may ask, such as the version.
fn right(entry: AuditEntry, user: &str) -> Option<Right> {
    // RBAC: allowed by RoleBinding "iot-operator/x" of Role "iot-operator" to ServiceAccount "iot-operator/x"
    let (_, role) = entry.reason.split_once(" of ")?;
    let (role, _) = role.split_once(" to ")?;
    // A ClusterRole has its operator's namespace behind the chart's name.
    let role = role.replace(&format!("-{}", user.split(':').nth(2)?), "");
    let slash = if entry.subresource.is_empty() { "" } else { "/" };
    let name = format!("{}{slash}{}", entry.resource, entry.subresource);
    Some(Right { role, resource: resource(&entry.group, &name), verb: entry.verb })
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

/// A life: leadership, products that are created, edited, damaged and deleted, and accounts with their keys.
async fn live(world: &World, since: Mark, flags: &[(&'static str, &str)], contracts: &[Contract]) {
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
        world.reason(text(&contract.product["metadata"]["name"]), "Available").await;
    }
    read_anew(world, since, contracts).await;
    // The second Event of the same is a patch of the first.
    for damage in ["by hand", "once more"] {
        world.edit(Kind::Secret, CREDENTIALS, json!({"stringData": {"productSecret": damage}})).await;
        world.check_now(THERMOSTAT).await;
    }
    // A key is renewed by deletion and creation, for which the Secret alone is let go.
    world.delete(Kind::Secret, KEY).await;
    world.gone(Kind::Secret, KEY, PATIENCE).await;
    world.apply(&contracts[0].key).await;
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

/// An account is read only when it is visited before the watch has shown the last write of its status: one that is
/// changed while it is visited is visited again at once, so it is changed until that happened.
async fn read_anew(world: &World, since: Mark, contracts: &[Contract]) {
    for Contract { account, .. } in contracts {
        let (kind, name) = (Kind::of(account), text(&account["metadata"]["name"]));
        let resource = if kind == Kind::Account { "iotaccounts" } else { "clusteriotaccounts" };
        until(&format!("a read of {resource}"), PATIENCE, async || {
            for _ in 0..10 {
                let now = jiff::Timestamp::now().to_string();
                world.edit(kind, name, json!({"metadata": {"annotations": {CHECK_NOW: now}}})).await;
            }
            let read = |entry: &AuditEntry| entry.verb == "get" && entry.resource == resource;
            let asked = answered(world.plane(), world.user(), since);
            if asked.iter().any(read) { Ok(()) } else { Err("none".to_owned()) }
        })
        .await;
    }
}

async fn a_life_in_the_cluster(world: World) {
    let since = world.audit_mark();
    let own = world.contract();
    let mut tenant = own.clone();
    tenant.account = cluster_account(&own, json!({"selector": {}}));
    tenant.product = named(&own.product, "tenant");
    tenant.product["spec"]["accountRef"] =
        json!({"kind": "ClusterIotAccount", "name": tenant.account["metadata"]["name"]});
    live(&world, since, &[("watch-namespaces", "absent")], &[own, tenant]).await;
}

async fn a_life_in_a_namespace(world: World) {
    let since = world.audit_mark();
    live(&world, since, &[], &[world.contract()]).await;
    world.delete(Kind::Secret, KEY).await;
    assert!(world.get(Kind::Account, TENCENT_ACCOUNT).await.is_none());
}
