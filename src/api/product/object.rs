//! The object, as it is read: without who wrote which field. Nobody here reads that, and it is a third of the work of
//! reading an object, which is done ten times for each creation.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::{Resource, ResourceExt as _};
use serde::{Deserialize, Deserializer, Serialize};

use super::{IotProductDefinition, IotProductSpec, IotProductStatus};
use crate::api::{PRODUCT_FINALIZER, SECRET_NAME_SUFFIX};

/// An IoT product (the vendor-side type of a device) that exists at a vendor exactly as written here.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[resource(inherit = "IotProductDefinition")]
pub struct IotProduct {
    /// Metadata, without `managedFields` where it was read.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: IotProductSpec,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<IotProductStatus>,
}

/// `ObjectMeta` without `managedFields`, and without `selfLink`, which API servers no longer write.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    generate_name: Option<String>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    name: Option<String>,
    namespace: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    resource_version: Option<String>,
    uid: Option<String>,
}

fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let metadata = Metadata::deserialize(deserializer)?;
    Ok(ObjectMeta {
        annotations: metadata.annotations,
        creation_timestamp: metadata.creation_timestamp,
        deletion_grace_period_seconds: metadata.deletion_grace_period_seconds,
        deletion_timestamp: metadata.deletion_timestamp,
        finalizers: metadata.finalizers,
        generate_name: metadata.generate_name,
        generation: metadata.generation,
        labels: metadata.labels,
        managed_fields: None,
        name: metadata.name,
        namespace: metadata.namespace,
        owner_references: metadata.owner_references,
        resource_version: metadata.resource_version,
        self_link: None,
        uid: metadata.uid,
    })
}

impl IotProduct {
    /// Name of the output Secret: the one asked for or the default.
    pub fn secret_name(&self) -> String {
        let asked = self.spec.secret.as_ref().and_then(|secret| secret.name.clone());
        asked.unwrap_or_else(|| {
            let name = self.metadata.name.as_deref().unwrap_or_default();
            format!("{name}{SECRET_NAME_SUFFIX}")
        })
    }

    /// Our finalizer is on it.
    pub fn is_held(&self) -> bool {
        self.finalizers().iter().any(|finalizer| finalizer == PRODUCT_FINALIZER)
    }

    /// Whether the object asks for an existing product by its id.
    pub fn is_import(&self) -> bool {
        self.spec.product_id.is_some()
    }

    /// The recorded vendor-side id.
    pub fn product_id(&self) -> Option<&str> {
        self.status.as_ref()?.product_id.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn nothing_of_metadata_but_who_wrote_what_is_left_out() {
        let text = include_str!("../../../tests/manifests/product-at-rest.json");
        let mut object: Value = serde_json::from_str(text).unwrap();
        let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "u9"});
        let more = [
            ("deletionGracePeriodSeconds", json!(30)),
            ("deletionTimestamp", json!("2026-11-25T20:01:00Z")),
            ("generateName", json!("boiler-")),
            ("labels", json!({"team": "heating"})),
            ("ownerReferences", json!([owner])),
        ];
        for (name, value) in more {
            object["metadata"][name] = value;
        }
        let read: IotProduct = serde_json::from_value(object.clone()).unwrap();
        let mut whole: ObjectMeta = serde_json::from_value(object["metadata"].take()).unwrap();
        assert!(whole.managed_fields.take().is_some_and(|fields| fields.len() == 3));
        assert_eq!(read.metadata, whole);
        let members = serde_json::to_value(&whole).unwrap();
        assert_eq!(
            members.as_object().unwrap().len(),
            13,
            "all that there are, so that none is forgotten: {members}"
        );
    }
}
