//! The rights that the chart gives an operator, granted to the one of a test.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, PostParams};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::patience::{PATIENCE, until};

/// What the chart renders for the whole cluster; that it does is tested with the charts.
pub const CLUSTER: &str = include_str!("../../charts/snapshots/default.yaml");
/// The same for one namespace.
pub const NAMESPACED: &str = include_str!("../../charts/snapshots/namespaced-owner-id.yaml");
/// The namespaces in there: of the release, and the one that is watched.
const RELEASE: &str = "iot-operator";
const WATCHED: &str = "factory";

/// The user that a test's operator is.
pub fn user(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:iot-operator")
}

/// The groups of that user.
pub fn groups(namespace: &str) -> [String; 2] {
    ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
}

/// Roles and bindings of a rendered chart.
pub fn rbac(chart: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(chart);
    let objects = documents.map(|document| Value::deserialize(document).expect("YAML"));
    objects.filter(|object| object["apiVersion"] == "rbac.authorization.k8s.io/v1").collect()
}

/// Rights for the operator of the namespace `home`: of the chart in one watched namespace, or in the whole cluster.
pub fn grants(home: &str, watched: Option<&str>) -> Vec<Value> {
    let mut objects = rbac(if watched.is_some() { NAMESPACED } else { CLUSTER });
    let place = |name: &mut Value| {
        if *name == RELEASE {
            *name = json!(home);
        } else if *name == WATCHED {
            *name = json!(watched);
        }
    };
    for object in &mut objects {
        let binding = object["kind"].as_str().is_some_and(|kind| kind.ends_with("Binding"));
        let metadata = &mut object["metadata"];
        // They are no release's here.
        metadata["labels"] = json!({});
        let own = json!(format!("iot-operator-{home}"));
        if metadata["namespace"].is_null() {
            metadata["name"] = own.clone();
            if binding {
                object["roleRef"]["name"] = own;
            }
        } else if metadata["namespace"] == "kube-system" {
            // The role is the same for every test's operator.
            if binding {
                metadata["name"] = own;
            }
        } else {
            place(&mut metadata["namespace"]);
        }
        for subject in list(object, "subjects") {
            place(&mut subject["namespace"]);
        }
        for rule in list(object, "rules") {
            let names = list(rule, "resourceNames").iter_mut();
            // The lease has the release's name, as it has in the tests; it is no namespace.
            names.filter(|name| **name == WATCHED).for_each(place);
        }
    }
    objects
}

fn list<'a>(object: &'a mut Value, key: &str) -> &'a mut [Value] {
    object.get_mut(key).and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

/// Waits until the authorizer knows what was granted last.
pub async fn in_force(client: &Client, home: &str, watched: Option<&str>) {
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
