//! The kinds that are served.

use std::sync::Arc;

use serde_json::Value;

/// One resource of the API.
#[derive(Debug)]
pub struct Kind {
    /// Group; empty for the core.
    pub group: String,
    /// Version.
    pub version: String,
    /// As in the URL.
    pub plural: String,
    /// As in the object.
    pub kind: String,
    /// Lives in a namespace.
    pub namespaced: bool,
    /// What a custom resource may hold; `None` for a kind of the API server's own.
    pub schema: Option<Value>,
}

impl Kind {
    /// A custom resource: it has a generation, and status is a subresource.
    pub fn custom(&self) -> bool {
        self.schema.is_some()
    }

    /// `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// As messages name the resource.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    fn own(group: &str, version: &str, plural: &str, kind: &str, namespaced: bool) -> Self {
        let [group, version, plural, kind] = [group, version, plural, kind].map(str::to_owned);
        Self { group, version, plural, kind, namespaced, schema: None }
    }

    fn of_definition(definition: &Value) -> Option<Self> {
        let spec = definition.get("spec")?;
        let version = spec.get("versions")?.get(0)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            group: text(spec.get("group")?)?,
            version: text(version.get("name")?)?,
            plural: text(spec.pointer("/names/plural")?)?,
            kind: text(spec.pointer("/names/kind")?)?,
            namespaced: spec.get("scope")?.as_str() == Some("Namespaced"),
            schema: version.pointer("/schema/openAPIV3Schema").cloned(),
        })
    }
}

/// The API server's own kinds that are known here, and those of `definitions`, which are
/// `CustomResourceDefinition`s in YAML.
pub fn kinds(definitions: &[&str]) -> Arc<[Kind]> {
    let own = [
        Kind::own("", "v1", "namespaces", "Namespace", false),
        Kind::own("", "v1", "secrets", "Secret", true),
        Kind::own("", "v1", "configmaps", "ConfigMap", true),
        Kind::own("events.k8s.io", "v1", "events", "Event", true),
        Kind::own("coordination.k8s.io", "v1", "leases", "Lease", true),
    ];
    let custom = definitions
        .iter()
        .filter_map(|text| serde_yaml_ng::from_str::<Value>(text).ok())
        .filter_map(|definition| Kind::of_definition(&definition));
    own.into_iter().chain(custom).collect()
}
