//! Objects that are already there: where accounts are, defaults of the status, and rules that came later.

use std::time::Duration;

use iot_product_operator::api::crd;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::object::{Object, establish, merge};
use super::spec_of;

/// A change of a stored account.
#[derive(Deserialize)]
struct Change {
    base: String,
    patch: Value,
    /// The field that says where the account is; absent when the change is accepted.
    moved: Option<String>,
}

/// The fields that say where an account is can not be changed; writing down a default, and everything else
/// can.
pub(crate) async fn accounts_stay_where_they_are(client: Client, namespace: &str) -> Result<(), String> {
    let changes: Vec<Change> =
        serde_yaml_ng::from_str(include_str!("moves.yaml")).map_err(|error| error.to_string())?;
    let status = json!({"observedGeneration": 1, "products": {"managed": 1, "total": 2, "unmanaged": 1}});
    for kind in ["IotAccount", "ClusterIotAccount"] {
        for base in ["tencent-account", "legacy-account", "alibaba-account", "huawei-account"] {
            let object = Object::new(&client, namespace, kind, base, &spec_of(kind, base, &json!({})));
            object.create().await?;
            object.status(&status).await?;
            for change in changes.iter().filter(|change| change.base == base) {
                try_change(&object, change).await.map_err(|error| format!("{kind} {base}: {error}"))?;
            }
            object.delete().await?;
        }
    }
    Ok(())
}

async fn try_change(object: &Object, Change { patch, moved, .. }: &Change) -> Result<(), String> {
    let outcome = object.try_spec(patch).await;
    let Some(field) = moved else {
        return outcome.map_err(|error| format!("{patch}: {error}"));
    };
    let message = format!("spec.{field} can not be changed, another place is another account");
    match outcome {
        Err(error) if error.contains(&message) => Ok(()),
        other => Err(format!("{patch}: {other:?} instead of {message:?}")),
    }
}

/// kstatus calls an object current that has no `observedGeneration`: the default says -1, also when a status
/// without it is written.
pub(crate) async fn unseen_objects_are_not_current(client: Client, namespace: &str) -> Result<(), String> {
    for (kind, base) in [
        ("IotProduct", "tencent"),
        ("IotAccount", "tencent-account"),
        ("ClusterIotAccount", "tencent-account"),
    ] {
        let object = Object::new(&client, namespace, kind, "unseen", &spec_of(kind, base, &json!({})));
        let created = object.create().await?;
        if created["status"] != json!({"observedGeneration": -1}) {
            return Err(format!("{kind}: status of a new object is {}", created["status"]));
        }
        object.status(&json!({"observedGeneration": null, "conditions": []})).await?;
        object.delete().await?;
        if kind == "IotProduct" {
            let spec = &created["spec"];
            let defaults = json!({
                "vendor": "TencentCloud", "name": "thermostat",
                "accountRef": {"kind": "IotAccount", "name": "default"},
                "adoptionPolicy": "Owned", "managementPolicy": "Full", "driftPolicy": "Correct",
                "deletionPolicy": "Delete", "suspend": false,
            });
            if spec != &defaults {
                return Err(format!("a field that is left out is not managed, but the server wrote {spec}"));
            }
        }
    }
    Ok(())
}

/// An object that a later definition finds invalid can still have its status patched and its finalizer taken
/// off, and fields that are not at fault can be changed.
pub(crate) async fn rules_spare_stored_objects(client: Client, namespace: &str) -> Result<(), String> {
    let group = "stored.iot-products.test";
    let strict = in_group(group);
    let mut lax = serde_json::to_value(&strict).map_err(|error| error.to_string())?;
    without_rules(&mut lax);
    let lax = serde_json::from_value(lax).map_err(|error| error.to_string())?;
    establish(&client, &lax).await?;
    let wrong = json!({
        "vendor": "AlibabaCloud", "name": "street lamp", "description": "[iotp:x]", "enabled": true,
        "dynamicRegistration": {"mode": "AutoCreate"}, "resyncInterval": "often", "tencent": {"appEui": "x"},
        "alibaba": {"netType": "LORA", "tags": {"a-b": "c.d"}}, "secret": {"labels": {"a b": "c d"}},
    });
    let of = |name: &str, spec: &Value| {
        let manifest = json!({"kind": "IotProduct", "metadata": {"name": name}, "spec": spec});
        Object::in_group(&client, namespace, group, manifest)
    };
    let stored = of("stored", &wrong);
    in_time(&stored, true).await?;
    let mut tencent = wrong.clone();
    merge(&mut tencent, &json!({"vendor": "TencentCloud", "description": "x".repeat(460)}));
    let stored_tencent = of("stored-tencent", &tencent);
    for object in [&stored, &stored_tencent] {
        object.create().await?;
        object.status(&json!({"productId": "P1"})).await?;
    }
    establish(&client, &strict).await?;
    in_time(&of("new", &wrong), false).await?;
    for object in [&stored, &stored_tencent] {
        object.is_writable().await?;
        object.merge(&json!({"metadata": {"annotations": {"a": "b"}}})).await?;
        object.delete().await?;
    }
    Ok(())
}

/// The definition of `IotProduct` in a group of its own, so that other tests keep theirs.
fn in_group(group: &str) -> CustomResourceDefinition {
    let mut definition = crd::crds().remove(0);
    group.clone_into(&mut definition.spec.group);
    definition.spec.names.categories = None;
    definition.spec.names.short_names = None;
    definition.metadata.name = Some(format!("iotproducts.{group}"));
    definition
}

fn without_rules(node: &mut Value) {
    match node {
        Value::Object(entries) => {
            entries.remove("x-kubernetes-validations");
            entries.values_mut().for_each(without_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(without_rules),
        _ => {}
    }
}

/// The server takes a moment to serve a changed definition.
async fn in_time(object: &Object, accepted: bool) -> Result<(), String> {
    let changed = async {
        while object.try_create().await.is_ok() != accepted {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let outcome = tokio::time::timeout(Duration::from_secs(30), changed).await;
    outcome.map_err(|_| format!("{}: still not {accepted} that it is accepted", object.name()))
}
