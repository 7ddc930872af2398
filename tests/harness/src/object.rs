//! Objects as a user sees them.

use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

/// Kinds that tests use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `IotProduct`.
    Product,
    /// `IotAccount`.
    Account,
    /// `ClusterIotAccount`.
    ClusterAccount,
    /// `Namespace`.
    Namespace,
    /// `Secret`.
    Secret,
    /// `ConfigMap`.
    ConfigMap,
    /// `Lease`.
    Lease,
}

impl Kind {
    /// How the API server names the kind.
    pub fn resource(self) -> ApiResource {
        let (group, version, kind) = match self {
            Self::Product => ("iot-products.io", "v1alpha1", "IotProduct"),
            Self::Account => ("iot-products.io", "v1alpha1", "IotAccount"),
            Self::ClusterAccount => ("iot-products.io", "v1alpha1", "ClusterIotAccount"),
            Self::Namespace => ("", "v1", "Namespace"),
            Self::Secret => ("", "v1", "Secret"),
            Self::ConfigMap => ("", "v1", "ConfigMap"),
            Self::Lease => ("coordination.k8s.io", "v1", "Lease"),
        };
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
    }

    /// The kind of a manifest.
    pub fn of(object: &Value) -> Self {
        match object["kind"].as_str().unwrap_or_default() {
            "IotProduct" => Self::Product,
            "IotAccount" => Self::Account,
            "ClusterIotAccount" => Self::ClusterAccount,
            "Secret" => Self::Secret,
            "ConfigMap" => Self::ConfigMap,
            other => panic!("no test applies a {other:?}"),
        }
    }
}

/// An object with status.
#[derive(Clone, Debug)]
pub struct Object(
    /// The object as JSON.
    pub Value,
);

impl Object {
    /// Text at a JSON pointer, empty where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its UID.
    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    /// The recorded id of the product.
    pub fn id(&self) -> Option<&str> {
        self.0.pointer("/status/productId").and_then(Value::as_str)
    }

    /// A condition by its type.
    pub fn condition(&self, kind: &str) -> Option<&Value> {
        let conditions = self.0.pointer("/status/conditions")?.as_array()?;
        conditions.iter().find(|condition| condition["type"] == kind)
    }

    fn part(&self, kind: &str, part: &str) -> &str {
        self.condition(kind).and_then(|condition| condition[part].as_str()).unwrap_or_default()
    }

    /// Whether a condition is True.
    pub fn is(&self, kind: &str) -> bool {
        self.part(kind, "status") == "True"
    }

    /// Status of Ready, empty where there is none.
    pub fn ready(&self) -> &str {
        self.part("Ready", "status")
    }

    /// Reason of Ready.
    pub fn reason(&self) -> &str {
        self.part("Ready", "reason")
    }

    /// Message of Ready.
    pub fn message(&self) -> &str {
        self.part("Ready", "message")
    }

    /// Whether status speaks of the manifest as it is.
    pub fn is_current(&self) -> bool {
        self.0.pointer("/status/observedGeneration") == self.0.pointer("/metadata/generation")
    }

    /// Ready=True for the manifest as it is.
    pub fn is_available(&self) -> bool {
        self.is_current() && self.ready() == "True"
    }

    /// Whether its deletion was asked for.
    pub fn deleting(&self) -> bool {
        self.0.pointer("/metadata/deletionTimestamp").is_some()
    }

    /// Its finalizers.
    pub fn finalizers(&self) -> Vec<&str> {
        let list = self.0.pointer("/metadata/finalizers").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// What a reader of a failed wait wants to see.
    pub fn brief(&self) -> String {
        format!(
            "generation {}, finalizers {:?}, status {}",
            self.0["metadata"]["generation"],
            self.finalizers(),
            self.0["status"]
        )
    }
}
