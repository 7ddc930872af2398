//! What docs/install.md tells its readers to apply.

use serde::Deserialize as _;
use serde_json::Value;

const INSTALL: &str = include_str!("../../docs/install.md");

/// Objects of the YAML blocks of a section.
pub(crate) fn objects(section: &str) -> Vec<Value> {
    let heading = format!("\n## {section}\n");
    let (_, rest) = INSTALL.split_once(&heading).unwrap_or_else(|| panic!("no section {section}"));
    let text = rest.split("\n## ").next().unwrap_or_default();
    let blocks = text.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap_or_default());
    let documents = blocks.flat_map(|block| {
        serde_yaml_ng::Deserializer::from_str(block)
            .map(|document| Value::deserialize(document).expect("YAML"))
    });
    documents.filter(Value::is_object).collect()
}

/// The object of a kind and name among them.
pub(crate) fn object(section: &str, kind: &str, name: &str) -> Value {
    let is = |object: &Value| object["kind"] == kind && object["metadata"]["name"] == name;
    let found = objects(section).into_iter().find(is);
    found.unwrap_or_else(|| panic!("docs/install.md has no {kind} {name} under {section}"))
}

/// Data of a settings' `ConfigMap` with this key.
pub(crate) fn settings(section: &str, key: &str) -> Value {
    let found = objects(section).into_iter().find(|object| object["data"].get(key).is_some());
    found.unwrap_or_else(|| panic!("docs/install.md has no setting {key} under {section}"))
}
