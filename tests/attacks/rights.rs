//! What the guide tells platform teams to grant, as the authorizer sees it: everybody may do what the table says, in the
//! own namespace, and nothing else. The roles are those of the guide and of the chart.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::iter;
use iot_test_harness::grants::rbac;
use iot_test_harness::{PATIENCE, until};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::session::attacks;
use crate::world::{World, grant};

attacks!(Shared { everybody_may_do_what_the_guide_says_and_no_more });

const GUIDE: &str = include_str!("../../docs/operations.md");
const SECTION: &str = "## What to grant to whom";
/// The chart with everything switched on, which includes the roles that are aggregated to the built-in ones.
const CHART: &str = include_str!("../charts/snapshots/everything.yaml");
const GROUP: &str = "rbac.authorization.k8s.io";
/// Whom the guide says to grant something, and the last row's, whom it says to grant nothing.
const ACTORS: [&str; 3] = ["tenant", "namespace admin", "platform"];
const NOBODY: &str = "nobody";
/// All that is asked about. The table has no other.
const RESOURCES: [&str; 7] = [
    "iotproducts",
    "iotaccounts",
    "clusteriotaccounts",
    "secrets",
    "iotproducts/status",
    "iotaccounts/status",
    "clusteriotaccounts/status",
];
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// Something that somebody may do, or may not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    who: String,
    resource: String,
    verb: String,
    /// Of the object of this name; empty for all.
    name: String,
}

/// The section of the guide.
fn section() -> &'static str {
    let from = GUIDE.find(SECTION).map(|at| &GUIDE[at + SECTION.len()..]).expect("the section");
    from.split("\n## ").next().unwrap_or(from)
}

/// The roles in the section, as they stand there.
fn roles() -> Vec<Value> {
    let blocks = section().split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(rbac).collect()
}

/// The rows of the section's table, as rights. `named` is the Secret that the guide's role names.
fn table(named: &str) -> BTreeSet<Right> {
    let rows = section().lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let mut rights = BTreeSet::new();
    for row in rows.map(|row| row.split(" | ").collect::<Vec<_>>()).filter(|row| row[0] != "who") {
        let [who, resources, verbs, _] = row[..] else { panic!("four cells: {row:?}") };
        assert!(ACTORS.contains(&who) || who == NOBODY, "{who}");
        let (verbs, of) = verbs.split_once(", of ").unwrap_or((verbs, ""));
        let objects = if of.ends_with("by name") { vec![named] } else { vec!["", named] };
        for resource in resources.split(", ").map(|resource| resource.trim_matches('`')) {
            assert!(RESOURCES.contains(&resource), "{resource}");
            for verb in verbs.split(", ") {
                assert!(VERBS.contains(&verb), "{verb}");
                for name in &objects {
                    let [who, resource, verb, name] = [who, resource, verb, name].map(str::to_owned);
                    rights.insert(Right { who, resource, verb, name });
                }
            }
        }
    }
    rights
}

fn user(who: &str, namespace: &str) -> String {
    format!("{}-of-{namespace}", who.replace(' ', "-"))
}

/// Grants to each actor what the guide and the chart say. The name of the Secret in the tenant's role.
async fn granted(world: &World, namespace: &str) -> String {
    let binding = |who: &str, role: &Value| {
        let kind = role["kind"].as_str().expect("a kind");
        let mut binding = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": "RoleBinding",
            "metadata": {"name": user(who, namespace), "namespace": namespace},
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role["metadata"]["name"]},
            "subjects": [{"apiGroup": GROUP, "kind": "User", "name": user(who, namespace)}],
        });
        if who == "platform" {
            binding["kind"] = json!("ClusterRoleBinding");
            binding["metadata"].as_object_mut().unwrap().remove("namespace");
        }
        binding
    };
    let mut roles = roles();
    for role in &mut roles {
        if role["kind"] == "Role" {
            role["metadata"]["namespace"] = json!(namespace);
        }
        grant(&world.admin(), role.clone()).await;
    }
    let [tenant, platform] = &roles[..] else { panic!("two roles in the guide: {roles:?}") };
    for role in rbac(CHART) {
        let labels = role["metadata"]["labels"].as_object().into_iter().flatten();
        if labels.into_iter().any(|(label, _)| label.contains("/aggregate-to-")) {
            grant(&world.admin(), role).await;
        }
    }
    let admin = json!({"kind": "ClusterRole", "metadata": {"name": "admin"}});
    for (who, role) in ACTORS.into_iter().zip([tenant, &admin, platform]) {
        grant(&world.admin(), binding(who, role)).await;
    }
    let mut granted = tenant["rules"].as_array().into_iter().flatten();
    let secret = granted.find_map(|rule| rule["resourceNames"][0].as_str());
    secret.expect("the name of an output Secret").to_owned()
}

/// Whether somebody may do something, in a namespace where the resource is of one.
async fn allowed(client: &Client, right: &Right, user: String, namespace: &str) -> bool {
    let (plural, sub) = right.resource.split_once('/').unwrap_or((&right.resource, ""));
    let of_namespace = plural != "clusteriotaccounts";
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let attributes = ResourceAttributes {
        verb: text(&right.verb),
        group: text(if plural == "secrets" { "" } else { "iot-products.io" }),
        resource: text(plural),
        subresource: text(sub),
        namespace: text(if of_namespace { namespace } else { "" }),
        name: text(&right.name),
        ..ResourceAttributes::default()
    };
    let spec = SubjectAccessReviewSpec {
        user: Some(user),
        groups: Some(vec!["system:authenticated".to_owned()]),
        resource_attributes: Some(attributes),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await.expect("a review");
    answer.status.expect("a verdict").allowed
}

/// All that the actors of `home` may do in a namespace.
async fn seen(world: &World, home: &str, namespace: &str, named: &str) -> BTreeSet<Right> {
    let mut asked = Vec::new();
    for who in ACTORS {
        for resource in RESOURCES {
            for (verb, name) in VERBS.into_iter().flat_map(|verb| [(verb, ""), (verb, named)]) {
                let [who, resource, verb, name] = [who, resource, verb, name].map(str::to_owned);
                asked.push(Right { who, resource, verb, name });
            }
        }
    }
    let client = world.admin();
    let ask = |right: Right| {
        let client = &client;
        async move {
            let may = allowed(client, &right, user(&right.who, home), namespace).await;
            may.then_some(right)
        }
    };
    iter(asked).map(ask).buffer_unordered(8).filter_map(std::future::ready).collect().await
}

async fn everybody_may_do_what_the_guide_says_and_no_more(world: Arc<World>) {
    let (home, elsewhere) = (world.mallory.namespace(), world.victim.namespace());
    let named = granted(&world, home).await;
    let (nobody, written): (BTreeSet<Right>, BTreeSet<Right>) =
        table(&named).into_iter().partition(|right| right.who == NOBODY);
    assert!(!nobody.is_empty() && ACTORS.iter().all(|who| written.iter().any(|right| right.who == *who)));
    until("the authorizer to know all that the guide grants", PATIENCE, async || {
        let seen = seen(&world, home, home, &named).await;
        let missing: Vec<&Right> = written.difference(&seen).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:#?}")) }
    })
    .await;
    let seen_here = seen(&world, home, home, &named).await;
    let more: Vec<&Right> = seen_here.difference(&written).collect();
    assert!(more.is_empty(), "not in the table: {more:#?}");
    let forbidden = |right: &&Right| {
        nobody.iter().any(|not| (&not.resource, &not.verb) == (&right.resource, &right.verb))
    };
    assert_eq!(written.iter().find(forbidden), None, "granted and for nobody");
    let across = seen(&world, home, elsewhere, &named).await;
    let across: Vec<&Right> =
        across.iter().filter(|right| !right.resource.starts_with("clusteriotaccounts")).collect();
    assert!(across.is_empty(), "in another namespace: {across:#?}");
}
