//! Kubernetes' own kinds, as far as the operator reads them.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use super::metadata;

/// A Secret. Its debug form does not show its data.
#[derive(Resource, Clone, Default, PartialEq, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::Secret")]
pub struct Secret {
    /// Metadata, without `managedFields` where it was read.
    #[serde(deserialize_with = "metadata::read")]
    pub metadata: ObjectMeta,
    /// The values.
    #[serde(default)]
    pub data: Option<BTreeMap<String, ByteString>>,
    /// Whether nothing in it can be changed.
    #[serde(default)]
    pub immutable: Option<bool>,
    /// Its type; `Opaque` where the API server was told none.
    #[serde(default, rename = "type")]
    pub type_: Option<String>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { metadata, type_, .. } = self;
        f.debug_struct("Secret").field("name", &metadata.name).field("type", type_).finish_non_exhaustive()
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Secret", 6)?;
        object.serialize_field("apiVersion", "v1")?;
        object.serialize_field("kind", "Secret")?;
        object.serialize_field("metadata", &self.metadata)?;
        if self.data.is_some() {
            object.serialize_field("data", &self.data)?;
        }
        if self.immutable.is_some() {
            object.serialize_field("immutable", &self.immutable)?;
        }
        if self.type_.is_some() {
            object.serialize_field("type", &self.type_)?;
        }
        object.end()
    }
}

/// A namespace, of which nothing but its metadata is asked.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::Namespace")]
pub struct Namespace {
    /// Metadata, without `managedFields`.
    #[serde(deserialize_with = "metadata::read")]
    pub metadata: ObjectMeta,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_written_as_it_was_read_and_its_data_is_not_shown() {
        let text = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
            "metadata": {"name": "key", "namespace": "factory", "labels": {"a": "b"}}, "data": {"k": "c2VjcmV0"}});
        let secret: Secret = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(serde_json::to_value(&secret).unwrap(), text);
        let shown = format!("{secret:?}");
        assert!(shown.contains("key") && !shown.contains("c2VjcmV0") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_time_that_no_clock_holds_hides_no_object() {
        let metadata = json!({"name": "factory", "managedFields": [{"time": "9999-12-31T23:59:59Z"}]});
        let object = json!({"metadata": metadata});
        assert!(serde_json::from_value::<k8s_openapi::api::core::v1::Namespace>(object.clone()).is_err());
        assert!(serde_json::from_value::<Namespace>(object.clone()).is_ok());
        assert!(serde_json::from_value::<Secret>(object).is_ok());
    }
}
